// What every answer of the API has in common, checked in one place.
import { expect } from 'vitest';
import type { ApiAnswer } from '../../support/api.ts';
import type { RawAnswer } from './raw-http.ts';

/** 200 with exactly this JSON text, as SDKs of every language need it (http-api.md §1). */
export function expectJson({ status, text, headers }: ApiAnswer, json: string): void {
  expect({ status, text }).toEqual({ status: 200, text: json });
  expect(headers.get('content-type')).toBe('application/json');
  expect(headers.get('content-length')).toBe(String(Buffer.byteLength(json)));
}

/** An error is plain text; nothing else about it is promised. */
export function expectRefusal(answer: ApiAnswer | RawAnswer, status: number, text: string | RegExp): void {
  const { headers } = answer;
  const type = headers instanceof Headers ? headers.get('content-type') : headers['content-type'];
  expect({ status: answer.status, type }).toEqual({ status, type: 'text/plain; charset=utf-8' });
  if (typeof text === 'string') expect(answer.text).toBe(text);
  else expect(answer.text).toMatch(text);
}

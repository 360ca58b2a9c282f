// The pure parts of the benchmark: what it counts, reads and prints.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textFrame } from '../src/protocol/frame.ts';
import { parseArguments } from './bench/arguments.ts';
import { eventData, markOf, numberAt, PAYLOAD_BYTES, timeAt } from './bench/event.ts';
import { clientFrame, FrameReader, opcodes } from './bench/frames.ts';
import { Histogram } from './bench/histogram.ts';
import { parseAnswer } from './bench/publisher.ts';
import { withRatios } from './bench/report.ts';
import { allGroups } from './bench/run.ts';
import { formatted, table } from './bench/table.ts';
import { usageOf } from './bench/usage.ts';

describe('the histogram', () => {
  it('knows quantiles within 1/128 of what sorting says', () => {
    const values = fc.array(fc.oneof(fc.nat(300), fc.nat(1_000_000), fc.nat(2 ** 31 - 1)), { minLength: 1 });
    const quantile = fc.constantFrom(0, 0.5, 0.99, 0.999, 1);
    fc.assert(
      fc.property(values, quantile, (values, quantile) => {
        const histogram = new Histogram();
        for (const value of values) histogram.record(value);
        const sorted = [...values].sort((a, b) => a - b);
        const exact = (sorted[Math.max(1, Math.ceil(quantile * values.length)) - 1] ?? 0) / 1000;
        expect(Math.abs(histogram.quantileMs(quantile) - exact)).toBeLessThanOrEqual(exact / 128);
        expect(histogram.count).toBe(values.length);
      }),
    );
  });

  it('takes what is out of its range for the nearest it knows', () => {
    const histogram = new Histogram();
    histogram.record(-5);
    expect(histogram.quantileMs(1)).toBe(0);
    histogram.record(2 ** 40);
    expect(histogram.quantileMs(1) / (2 ** 31 / 1000)).toBeCloseTo(1, 2);
  });

  it('has no quantile of nothing', () => {
    const histogram = new Histogram();
    histogram.record(1);
    histogram.reset();
    expect(histogram.quantileMs(0.5)).toBeNaN();
  });
});

/** The frames that come out of chunks, as opcode and payload. */
function read(chunks: readonly Buffer[]): { opcode: number; payload: string }[] {
  const frames: { opcode: number; payload: string }[] = [];
  const reader = new FrameReader({
    frame: (opcode, buffer, from, to) => frames.push({ opcode, payload: buffer.toString('utf8', from, to) }),
  });
  // As sockets do, all chunks come in the same buffer.
  const shared = Buffer.alloc(200_000);
  for (const chunk of chunks) reader.push(shared, 0, chunk.copy(shared));
  return frames;
}

describe('frames', () => {
  it('come out whole however they were cut', () => {
    const payloads = [0, 1, 125, 126, 127, 65_535, 65_536].map((length) => 'x'.repeat(length));
    const bytes = Buffer.concat(payloads.map((payload) => textFrame(payload)));
    const expected = payloads.map((payload) => ({ opcode: opcodes.text, payload }));
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(700), fc.nat(bytes.length)), { maxLength: 30 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((to, index) => bytes.subarray(places[index], to));
        expect(read(chunks)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
    const small = Buffer.concat([textFrame('a'), textFrame('b'.repeat(126))]);
    expect(read([...small].map((byte) => Buffer.from([byte])))).toHaveLength(2);
  });

  it.each([
    ['masked', clientFrame(opcodes.text, 'x'), 'a masked frame'],
    ['compressed', Buffer.from([0xc1, 0]), 'reserved bits'],
    ['fragmented', Buffer.from([0x01, 0]), 'a fragmented message'],
    ['continued', Buffer.from([0x80, 0]), 'a fragmented message'],
  ])('that are %s are refused', (_, bytes, reason) => {
    expect(() => read([bytes])).toThrow(reason);
  });
});

describe('an event', () => {
  it('is as long as it should be, and its number and time are found in a frame', () => {
    const data = eventData(42, 1_234_567_890);
    expect(data).toHaveLength(PAYLOAD_BYTES);
    expect(JSON.parse(data)).toEqual({ n: '@0000000042@0001234567890', p: expect.stringMatching(/^x+$/) });
    expect(eventData(42, 1_234_567_890, 10_240)).toHaveLength(10_240);
    const frame = Buffer.from(`before${JSON.stringify({ event: 'e', data })}`);
    const mark = markOf(frame, 6, frame.length);
    expect([numberAt(frame, mark), timeAt(frame, mark)]).toEqual([42, 1_234_567_890]);
    expect(() => markOf(Buffer.from('{"data":"other"}'), 0, 16)).toThrow('without what was sent');
    expect(() => numberAt(Buffer.from('@12x4567890@'), 1)).toThrow('other data');
  });
});

describe('an answer of the HTTP API', () => {
  it.each([
    ['HTTP/1.1 200 OK\r\nContent-Le', undefined],
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{', undefined],
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}', { status: 200, body: '{}', closes: false }],
    ['HTTP/1.1 401 No\r\nConnection: close\r\ncontent-length:2\r\n\r\nno', { status: 401, body: 'no', closes: true }],
    ['HTTP/1.0 200 OK\r\n\r\n', { status: 200, body: '', closes: true }],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n', undefined],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n', { status: 200, closes: false }],
  ])('%j is read', (text, answer) => {
    if (answer === undefined) expect(parseAnswer(text)).toBeUndefined();
    else expect(parseAnswer(text)).toMatchObject(answer);
  });
});

describe('the command line', () => {
  const parse = (...args: string[]) => parseArguments(args, ['fanout', 'connect']);

  it('has defaults', () => {
    expect(parse()).toEqual({
      kind: 'run',
      options: {
        secs: 3,
        conns: 1000,
        only: [],
        json: 'bench-results.json',
        limit: false,
        versus: undefined,
        against: undefined,
        app: { id: 'app-id', key: 'app-key', secret: 'app-secret' },
        main: 'dist/main.js',
        cpuProf: undefined,
      },
    });
  });

  it('takes a server that runs already, and its app', () => {
    const args = ['--against', 'http://[::1]:6001,7', '--app', 'a:b:c', '--only', 'fanout,connect', '--limit'];
    expect(parse(...args)).toMatchObject({
      options: {
        against: { host: '::1', port: 6001, pid: 7 },
        app: { id: 'a', key: 'b', secret: 'c' },
        only: ['fanout', 'connect'],
        limit: true,
      },
    });
    expect(parse('--against', 'http://example.com')).toMatchObject({
      options: { against: { host: 'example.com', port: 80, pid: undefined } },
    });
  });

  it.each([
    [['--secs', 'x'], '--secs must be a number from 0.05 to 600, got "x"'],
    [['--secs', ''], '--secs must be a number from 0.05 to 600, got ""'],
    [['--secs', '601'], '--secs must be a number from 0.05 to 600, got "601"'],
    [['--conns', '9'], '--conns must be a number from 10 to 100000, got "9"'],
    [['--conns', '10.5'], '--conns must be a whole number, got "10.5"'],
    [['--against', 'https://a'], '--against must be like'],
    [['--against', 'a:1'], '--against must be like'],
    [['--against', 'http://a,1,2'], '--against must be like'],
    [['--against', 'http://a,x'], 'the process id of --against must be a number'],
    [['--against', 'http://a/ws'], '--against: a path in front of /app is not supported'],
    [['--against', 'http://a', '--app', 'a:b'], '--app must be like id:key:secret'],
    [['--against', 'http://a', '--app', 'a:b:c:d'], '--app must be like id:key:secret'],
    [['--app', 'a:b:c'], '--app is the app of --against'],
    [['--against', 'http://a', '--main', 'x'], '--main is about a server that the benchmark starts'],
    [['--against', 'http://a', '--cpu-prof', 'x'], '--cpu-prof is about a server that the benchmark starts'],
    [['--json'], "Option '--json <value>' argument missing"],
    [['stray'], "Unexpected argument 'stray'"],
  ])('refuses %j', (args, mistake) => {
    expect(parse(...args)).toEqual({ kind: 'mistake', mistake: expect.stringContaining(mistake) });
  });
});

describe('figures', () => {
  it('have three digits that say something', () => {
    const shown = [1_234_567.8, 100, 99.95, 12.34, 1.234, 0.1234, 0, null, undefined].map(formatted);
    expect(shown).toEqual(['1,234,568', '100', '100.0', '12.3', '1.23', '0.123', '0.000', '–', '–']);
  });

  it('fit into 100 columns, next to a reference and the ratios to it', () => {
    for (const { name, title, columns, cases } of allGroups(1000)) {
      const figuresOf = (large: number) =>
        Object.fromEntries(columns.map(({ key }, at) => [key, at === 0 ? large : 1234]));
      const rows = cases.flatMap((one) =>
        withRatios([
          { case: one.name, what: one.what, server: 'fanfare', figures: figuresOf(1_234_567) },
          { case: one.name, what: one.what, server: 'limit', figures: figuresOf(7_654_321) },
        ]),
      );
      const lines = table({ name, title, columns, rows }).split('\n');
      expect(lines).toHaveLength(3 + 3 * cases.length);
      for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(100);
    }
  });

  it('make room for reasons', () => {
    const columns = [
      { key: 'a', title: ['first', 'ms'] as const },
      { key: 'b', title: ['none', ''] as const },
    ];
    const row = (name: string) => ({ case: name, what: `of ${name}`, server: 's' });
    const rows = [
      { ...row('one'), figures: { a: 1, b: null } },
      { ...row('two'), failed: 'broken' },
      { ...row('three'), leftOut: 'too much' },
    ];
    expect(table({ name: 'g', title: 'Title', columns, rows })).toBe(
      [
        'Title',
        '                 first',
        '                    ms',
        'one    of one     1.00',
        'two    of two    FAILED: broken',
        'three  of three  left out: too much',
      ].join('\n'),
    );
  });

  it('are ratios to a reference that has them', () => {
    const row = (server: string, figures?: Record<string, number | null>) => ({
      case: 'c',
      what: '',
      server,
      ...(figures && { figures }),
    });
    const [first, ...others] = withRatios([
      row('ours', { a: 3, b: 1, c: null, d: 1 }),
      row('limit', { a: 2, b: 0, c: 1, d: null }),
      row('failed'),
    ]);
    expect(first?.ratios).toEqual({ limit: { a: 1.5 } });
    expect(others.every(({ ratios }) => ratios === undefined)).toBe(true);
    expect(withRatios([row('ours', { a: 1 })])[0]).not.toHaveProperty('ratios');
    expect(withRatios([row('ours'), row('limit', { a: 1 })])[0]).not.toHaveProperty('ratios');
    expect(withRatios([])).toEqual([]);
  });

  it('of CPU time and memory are of a process and what it started', () => {
    const { cpuUs, rssKb } = usageOf([process.ppid]) ?? { cpuUs: 0, rssKb: 0 };
    const own = usageOf([process.pid]);
    expect(cpuUs).toBeGreaterThanOrEqual(own?.cpuUs ?? Number.POSITIVE_INFINITY);
    expect(rssKb).toBeGreaterThan(own?.rssKb ?? Number.POSITIVE_INFINITY);
    expect(usageOf([2 ** 30])).toEqual({ cpuUs: 0, rssKb: 0 });
  });
});

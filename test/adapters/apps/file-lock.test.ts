// The lock of a file: one holder at a time, and one that held it for too long notices.
import { mkdtemp, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { locked } from '../../../src/adapters/apps/file-lock.ts';

async function makeFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-lock-'));
  const path = join(folder, 'file');
  return { folder, path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

test('is held by one at a time, also when the work of one fails', async () => {
  await using place = await makeFolder();
  let holding = 0;
  const work = async (index: number) =>
    await locked(place.path, async () => {
      holding += 1;
      expect(holding).toBe(1);
      await readdir(place.folder);
      holding -= 1;
      if (index === 1) throw new Error('it failed');
      return index;
    });
  const outcomes = await Promise.allSettled([0, 1, 2, 3].map(work));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(await readdir(place.folder)).toEqual([]);
});

test('that was taken away is noticed before the change counts, and the other’s is left alone', async () => {
  await using place = await makeFolder();
  const work = locked(place.path, async ({ check }) => {
    await check();
    await unlink(`${place.path}.lock`);
    await writeFile(`${place.path}.lock`, '');
    await check();
  });
  await expect(work).rejects.toThrow('file.lock was removed while this process wrote');
  expect(await readdir(place.folder)).toEqual(['file.lock']);
});

test('cannot be had where nothing can be written', async () => {
  await using place = await makeFolder();
  await expect(locked(join(place.folder, 'no', 'file'), async () => {})).rejects.toThrow('ENOENT');
});

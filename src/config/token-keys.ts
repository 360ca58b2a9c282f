// Checks of the keys that tokens are checked with: whether each can be used, and fits the algorithms that are asked for.
import { publicKeyAlgorithms, readPublicKey, secretAlgorithms } from '../core/token-key.ts';
import { type Draft, mistakeText, type Path } from './draft.ts';
import { type ReadFile, readText } from './read-file.ts';

type Refuse = (mistake: string) => void;

/** What is given, and the algorithms it can check. */
interface Given {
  readonly name: 'secret' | 'publicKey' | 'publicKeyFile' | 'jwksUrl';
  readonly algorithms: readonly string[];
}

export function checkTokenKeys(draft: Draft, readFile: ReadFile, refuse: Refuse): void {
  const apps = draft.get(['apps']);
  if (!Array.isArray(apps)) return;
  for (const index of apps.keys()) {
    const bearer: Path = ['apps', index, 'auth', 'bearer'];
    const given = givenIn(draft, bearer, readFile, refuse);
    if (given !== undefined) checkAlgorithms(draft, [...bearer, 'algorithms'], given, refuse);
  }
}

/** undefined when nothing is given, or nothing that can be used. */
function givenIn(draft: Draft, bearer: Path, readFile: ReadFile, refuse: Refuse): Given | undefined {
  const textAt = (name: Given['name']) => {
    const text = draft.get([...bearer, name]);
    return typeof text === 'string' && text !== '' ? text : undefined;
  };
  if (textAt('secret') !== undefined) return { name: 'secret', algorithms: secretAlgorithms };
  if (textAt('jwksUrl') !== undefined) return { name: 'jwksUrl', algorithms: publicKeyAlgorithms };
  const name = textAt('publicKey') === undefined ? 'publicKeyFile' : 'publicKey';
  const text = textAt(name);
  if (text === undefined) return undefined;
  const path = [...bearer, name];
  const fail = (reason: string) => {
    const file = name === 'publicKeyFile' ? `${text}: ` : '';
    refuse(mistakeText(path, draft.nearestSource(path), `${file}${reason}`));
  };
  const pem =
    name === 'publicKeyFile'
      ? readText(text, readFile, (reason) => fail(`cannot be read: ${reason}`))
      : text.replaceAll('\\n', '\n');
  if (pem === undefined) return undefined;
  try {
    return { name, algorithms: readPublicKey(pem).algorithms };
  } catch (err) {
    fail((err as Error).message);
    return undefined;
  }
}

function checkAlgorithms(draft: Draft, path: Path, { name, algorithms }: Given, refuse: Refuse): void {
  const asked = draft.get(path);
  if (!Array.isArray(asked)) return;
  const isKnown = (algorithm: unknown) =>
    [...secretAlgorithms, ...publicKeyAlgorithms].some((one) => one === algorithm);
  asked.forEach((algorithm: unknown, index) => {
    if (!isKnown(algorithm) || algorithms.some((one) => one === algorithm)) return;
    const here = [...path, index];
    const text = `${algorithm} does not fit ${name}, which goes with ${algorithms.join(', ')}`;
    refuse(mistakeText(here, draft.nearestSource(here), text));
  });
}

// Publishes take turns by app. As long as a turn of the event loop is short they are done as they come; when it gets long
// the rest waits for the next turns, one of each app at a time, so that an app which floods the server delays itself.

/** So long a turn may take publishes. What one app sends at a time still shares its writes to sockets. */
const TURN_MS = 10;

type Task = () => void;

export class Turns {
  /** Of each app that has to wait, in the order in which they are served. */
  readonly #waiting = new Map<string, Task[]>();
  #beganMs = 0;
  #isOpen = false;

  /** Does the task now, or in its app's turn; those of one app in the order in which they came. */
  take<Result>(appId: string, task: () => Promise<Result>): Promise<Result> {
    this.#open();
    if (this.#waiting.size === 0 && !this.#isLong()) return task();
    return new Promise((resolve) => {
      const tasks = this.#waiting.get(appId);
      const begin = () => resolve(task());
      if (tasks === undefined) this.#waiting.set(appId, [begin]);
      else tasks.push(begin);
    });
  }

  #open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#beganMs = performance.now();
    setImmediate(this.#end);
  }

  readonly #end = (): void => {
    this.#isOpen = false;
    if (this.#waiting.size === 0) return;
    this.#open();
    this.#serve();
  };

  /** One task of the app that has waited longest, which is then the last in the row. */
  readonly #serve = (): void => {
    const [first] = this.#waiting;
    if (first === undefined || this.#isLong()) return;
    const [appId, tasks] = first;
    const task = tasks.shift();
    this.#waiting.delete(appId);
    if (tasks.length > 0) this.#waiting.set(appId, tasks);
    task?.();
    // What the task leaves to microtasks is counted before the next one.
    queueMicrotask(this.#serve);
  };

  #isLong(): boolean {
    return performance.now() - this.#beganMs > TURN_MS;
  }
}

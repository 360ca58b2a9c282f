// What a Lua script is to this adapter. Each stands in a file of its own, as text, so that it is found both from the
// sources and from the build.

export interface Script {
  /** The command it becomes on a connection. */
  readonly name: string;
  /** How many of its arguments are keys. */
  readonly numberOfKeys: number;
  readonly lua: string;
}

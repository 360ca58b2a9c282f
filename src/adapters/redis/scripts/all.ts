// Every script by the name of its command, as ioredis wants them.
import { connect } from './connect.lua.ts';
import { disconnect } from './disconnect.lua.ts';
import { getWithTtl } from './get-with-ttl.lua.ts';
import { join } from './join.lua.ts';
import { lease } from './lease.lua.ts';
import { leave } from './leave.lua.ts';
import { members } from './members.lua.ts';
import type { Script } from './script.ts';
import { signIn } from './sign-in.lua.ts';
import { signOut } from './sign-out.lua.ts';
import { take } from './take.lua.ts';

const all: readonly Script[] = [connect, disconnect, getWithTtl, join, leave, lease, members, signIn, signOut, take];

export const scripts = Object.fromEntries(all.map(({ name, numberOfKeys, lua }) => [name, { numberOfKeys, lua }]));

// Every script by the name of its command, as ioredis wants them.

import { connect } from './connect.lua.ts';
import { disconnect } from './disconnect.lua.ts';
import { editApp } from './edit-app.lua.ts';
import { enlist, openRegister } from './enlist.lua.ts';
import { getWithTtl } from './get-with-ttl.lua.ts';
import { join } from './join.lua.ts';
import { lease } from './lease.lua.ts';
import { leave } from './leave.lua.ts';
import { list } from './list.lua.ts';
import { members, roster } from './members.lua.ts';
import { order, orders } from './order.lua.ts';
import { reportNode, reports } from './reports.lua.ts';
import { beginRequest, finishRequest, forgetRequest } from './request.lua.ts';
import type { Script } from './script.ts';
import { signIn } from './sign-in.lua.ts';
import { signOut } from './sign-out.lua.ts';
import { strikeOff } from './strike-off.lua.ts';
import { take } from './take.lua.ts';
import { webhookAdd } from './webhook-add.lua.ts';
import { webhookBury } from './webhook-bury.lua.ts';
import { webhookClaim } from './webhook-claim.lua.ts';
import { webhookNews } from './webhook-news.lua.ts';
import { webhookRead } from './webhook-read.lua.ts';
import { webhookRelease } from './webhook-release.lua.ts';
import { webhookRemove } from './webhook-remove.lua.ts';
import { webhookRevive } from './webhook-revive.lua.ts';

const all: readonly Script[] = [
  beginRequest,
  finishRequest,
  forgetRequest,
  reportNode,
  reports,
  connect,
  disconnect,
  editApp,
  enlist,
  openRegister,
  getWithTtl,
  join,
  leave,
  lease,
  list,
  members,
  roster,
  order,
  orders,
  signIn,
  signOut,
  strikeOff,
  take,
  webhookAdd,
  webhookBury,
  webhookClaim,
  webhookNews,
  webhookRead,
  webhookRelease,
  webhookRemove,
  webhookRevive,
];

/** @param publish the command the scripts announce with: a Cluster's shards know only their own channels */
export function scriptsThat(publish: 'PUBLISH' | 'SPUBLISH'): Record<string, { numberOfKeys: number; lua: string }> {
  const text = (lua: string) => lua.replaceAll("redis.call('PUBLISH'", `redis.call('${publish}'`);
  return Object.fromEntries(all.map(({ name, numberOfKeys, lua }) => [name, { numberOfKeys, lua: text(lua) }]));
}

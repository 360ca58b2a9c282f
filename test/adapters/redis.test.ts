// The Redis adapters keep the contracts, as two nodes of one cluster over a real redis-server.
import { afterAll } from 'vitest';
import { startRedis } from '../support/redis.ts';
import { redisContract } from './support/redis-contract.ts';

const redis = await startRedis();
afterAll(() => redis[Symbol.asyncDispose]());

redisContract('redis', () => redis.settings());

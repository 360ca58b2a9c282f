// The contract of stores of apps over a real PostgreSQL.
import { startPostgres } from '../../support/postgres.ts';
import { sqlContract } from './sql-contract.ts';

sqlContract('PostgreSQL', startPostgres);

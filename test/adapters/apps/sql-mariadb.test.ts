// The contract of stores of apps over a real MariaDB.
import { startMariadb } from '../../support/mariadb.ts';
import { sqlContract } from './sql-contract.ts';

sqlContract('MariaDB', startMariadb);

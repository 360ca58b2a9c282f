// A certificate authority in a folder of its own: its certificate, and those it signs; made by openssl.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificateFiles } from './certificate.ts';

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];

export class Authority implements Disposable {
  readonly caFile: string;
  readonly #keyFile: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'fanfare-ca-'));

  constructor() {
    this.caFile = join(this.#folder, 'ca.pem');
    this.#keyFile = join(this.#folder, 'ca-key.pem');
    openssl('/CN=authority', '-keyout', this.#keyFile, '-out', this.caFile);
  }

  /** @param altName such as DNS:redis.internal or IP:127.0.0.1 */
  certificate(name: string, altName: string): CertificateFiles {
    const certFile = join(this.#folder, `${name}.pem`);
    const keyFile = join(this.#folder, `${name}-key.pem`);
    const files = ['-keyout', keyFile, '-out', certFile, '-CA', this.caFile, '-CAkey', this.#keyFile];
    const isNoAuthority = ['-addext', 'basicConstraints=critical,CA:FALSE'];
    openssl(`/CN=${name}`, ...files, ...isNoAuthority, '-addext', `subjectAltName=${altName}`);
    return { certFile, keyFile };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function openssl(subject: string, ...args: string[]): void {
  execFileSync('openssl', ['req', '-x509', '-subj', subject, ...CURVE, ...args], { stdio: 'pipe' });
}

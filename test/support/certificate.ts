// A self-signed certificate, for 127.0.0.1 by default, and its key, as PEM files of a folder; made by openssl.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** @param name whom it is made out to, as OpenSSL writes alternative names */
export function makeCertificate(folder: string, name = 'IP:127.0.0.1'): CertificateFiles {
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = ['-subj', '/CN=fanfare.test', '-addext', `subjectAltName=${name}`];
  const files = ['-keyout', keyFile, '-out', certFile];
  execFileSync('openssl', ['req', '-x509', '-days', '1', ...curve, ...names, ...files], { stdio: 'pipe' });
  return { certFile, keyFile };
}

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Who gets a client certificate, as the subject that the API server reads user and groups from. */
const CLIENTS = {
  admin: '/O=system:masters/CN=admin',
  'controller-manager': '/CN=system:kube-controller-manager',
  scheduler: '/CN=system:kube-scheduler',
  kwok: '/O=system:masters/CN=kwok',
  'front-proxy-client': '/CN=front-proxy-client',
  'kubelet-client': '/O=system:masters/CN=kube-apiserver',
  // The name by which the API server finds the kubelet on this machine.
  node: '/O=system:nodes/CN=system:node:localhost',
} as const;

const SERVER_NAMES = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost'];

/** Makes one authority and its certificates, good for two days, and a kubeconfig for each client: `<directory>/<client>.kubeconfig`. */
export function makeCertificates(directory: string, server: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const key = (name: string) => openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  const certificate = (name: string, subject: string, extensions: string) => {
    key(name);
    writeFileSync(join(directory, `${name}.ext`), extensions);
    openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`);
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.crt`],
    );
  };
  key('ca');
  openssl('req', '-x509', '-new', '-key', 'ca.key', '-subj', '/CN=cft-test-ca', '-days', '2', '-out', 'ca.crt');
  const names = SERVER_NAMES.map((name) => `DNS:${name}`);
  const subjects = ['IP:127.0.0.1', 'IP:10.96.0.1', ...names].join(',');
  certificate('apiserver', '/CN=kube-apiserver', `extendedKeyUsage=serverAuth\nsubjectAltName=${subjects}\n`);
  for (const [name, subject] of Object.entries(CLIENTS)) {
    certificate(name, subject, 'extendedKeyUsage=clientAuth\n');
    writeFileSync(join(directory, `${name}.kubeconfig`), kubeconfig(directory, name, server), { mode: 0o600 });
  }
  openssl('genrsa', '-out', 'service-accounts.key', '2048');
  openssl('rsa', '-in', 'service-accounts.key', '-pubout', '-out', 'service-accounts.pub');
}

function kubeconfig(directory: string, name: string, server: string): string {
  const data = (file: string) => readFileSync(join(directory, file)).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': data('ca.crt') } }],
    users: [{ name, user: { 'client-certificate-data': data(`${name}.crt`), 'client-key-data': data(`${name}.key`) } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: name, namespace: 'default' } }],
    'current-context': 'test',
  });
}

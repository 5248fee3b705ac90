import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface ProbeServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `/metrics`, `/healthz` (the process is alive) and `/readyz` (its caches are filled).
 *
 * @param port 0 for any free one
 */
export async function serveProbes(
  { host, port }: { readonly host: string; readonly port: number },
  registry: Registry,
  isReady: () => boolean,
): Promise<ProbeServer> {
  const server: Server = createServer(async (incoming, response) => {
    const path = incoming.url?.split('?')[0];
    if (path === '/metrics') {
      const body = await registry.metrics();
      response.writeHead(200, { 'content-type': registry.contentType }).end(body);
    } else if (path === '/healthz') response.end('ok\n');
    else if (path === '/readyz') {
      if (isReady()) response.end('ok\n');
      else response.writeHead(503).end('the caches are not filled yet\n');
    } else response.writeHead(404).end('not found\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import type { ProgressReport } from './progress.ts';
import type { FromServer, ServerOptions, ToServer } from './protocol.ts';
import { createRegistry } from './registry.ts';

// The serving thread: it owns the registry and the socket, so that a request never waits for the computing thread.
if (parentPort !== null) serve(workerData as ServerOptions, parentPort);

interface Port {
  on(event: 'message', listener: (message: ToServer) => void): unknown;
  postMessage(message: FromServer): void;
  close(): void;
}

function serve(options: ServerOptions, port: Port): void {
  const registry = createRegistry();
  let progress: ProgressReport = options.initial;
  const routes: Readonly<Record<string, (response: ServerResponse) => Promise<void>>> = {
    '/metrics': async (response) => reply(response, 200, registry.contentType, await registry.text()),
    '/healthz': async (response) => reply(response, 200, 'text/plain; charset=utf-8', 'ok\n'),
    '/progress': async (response) => reply(response, 200, 'application/json', `${JSON.stringify(progress)}\n`),
  };
  const server = createServer((request, response) => {
    const route = routes[new URL(request.url ?? '/', 'http://localhost').pathname];
    const readable = request.method === 'GET' || request.method === 'HEAD';
    if (route === undefined)
      return reply(response, 404, 'text/plain', `not found; try ${Object.keys(routes).join(', ')}\n`);
    if (!readable) return reply(response.setHeader('allow', 'GET, HEAD'), 405, 'text/plain', 'read only\n');
    route(response).catch((error: unknown) => reply(response, 500, 'text/plain', `${String(error)}\n`));
  });
  port.on('message', (message) => {
    if (message.type === 'progress') progress = message.report;
    else if (message.type === 'close') {
      server.closeAllConnections();
      server.close(() => port.close());
    } else registry.apply(message);
  });
  server.on('error', (error: NodeJS.ErrnoException) => {
    port.postMessage({ type: 'failed', code: error.code ?? 'UNKNOWN', message: error.message });
    port.close();
  });
  server.listen(options.port, options.host, () => {
    port.postMessage({ type: 'listening', port: (server.address() as AddressInfo).port });
  });
}

function reply(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { KubeConfig } from '@kubernetes/client-node';

/**
 * What goes wrong with a request. `cut`: the connection ends before the API server hears of it. `no answer`: the API server does what it is
 * asked, and the connection ends before it can say so. `expired`: a watch that is told at once that its version is gone.
 */
export type Fault = 'cut' | 'no answer' | 'expired' | { readonly status: number; readonly retryAfter?: number };

export interface ProxiedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
}

/** A proxy in front of the API server: all that one client says goes through it, and meets the faults of a test. */
export class FaultProxy {
  /** Requests that came, in order. */
  readonly requests: ProxiedRequest[] = [];
  /** What goes wrong with a request; undefined: nothing. */
  fault: (request: ProxiedRequest) => Fault | undefined = () => undefined;
  readonly #server: Server;
  readonly #agent: Agent;
  readonly #target: URL;
  readonly #directory = mkdtempSync(join(tmpdir(), 'cft-proxy-'));

  private constructor(kubeconfig: string) {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()];
    const decode = (data: string | undefined) => Buffer.from(data ?? '', 'base64');
    this.#target = new URL(cluster?.server ?? '');
    this.#agent = new Agent({
      keepAlive: true,
      ca: decode(cluster?.caData),
      cert: decode(user?.certData),
      key: decode(user?.keyData),
    });
    this.#server = createServer((incoming, outgoing) => this.#handle(incoming, outgoing));
  }

  static async start(kubeconfig: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(kubeconfig);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.#server.address() as AddressInfo;
    const config = JSON.parse(readFileSync(kubeconfig, 'utf8'));
    config.clusters[0].cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
    config.users[0].user = {};
    writeFileSync(proxy.kubeconfig, JSON.stringify(config));
    return proxy;
  }

  /** Leads to the proxy, with the rights of the kubeconfig that it was started with. */
  get kubeconfig(): string {
    return join(this.#directory, 'kubeconfig');
  }

  /** Ends every connection, watches and all. */
  cutAll(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cutAll();
    await closed;
    this.#agent.destroy();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method = 'GET', url: path = '/' } = incoming;
    this.requests.push({ method, path });
    const fault = this.fault({ method, path });
    if (fault === 'cut') outgoing.destroy();
    else if (fault === 'expired')
      outgoing.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } })}\n`);
    else if (typeof fault === 'object') answer(outgoing, fault);
    else this.#forward(incoming, outgoing, fault === 'no answer');
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse, swallow: boolean): void {
    const { hostname, port } = this.#target;
    const { host: _, connection: __, ...headers } = incoming.headers;
    const options = { hostname, port, agent: this.#agent, method: incoming.method, path: incoming.url, headers };
    const forwarded = request(options, (response) => {
      if (swallow) {
        response.resume().once('close', () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      // A watch that has nothing to say yet has begun nevertheless.
      outgoing.flushHeaders();
      // Ends this side where the other side broke off, as a connection without a proxy would.
      pipeline(response, outgoing, () => {});
    });
    forwarded.once('error', () => outgoing.destroy());
    outgoing.once('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
  }
}

function answer(outgoing: ServerResponse, { status, retryAfter }: Exclude<Fault, string>): void {
  const reasons: Readonly<Record<number, string>> = { 409: 'Conflict', 410: 'Expired', 429: 'TooManyRequests' };
  const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, message: 'a fault of the test' };
  outgoing
    .writeHead(status, {
      'content-type': 'application/json',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    })
    .end(JSON.stringify({ ...body, reason: reasons[status] ?? 'InternalError' }));
}

import { Worker } from 'node:worker_threads';
import { CftError } from '../../crds/errors.ts';
import type { Metrics } from './definitions.ts';
import type { ProgressReport } from './progress.ts';
import type { FromServer, ServerOptions, ToServer } from './protocol.ts';

/** The computing thread's end of the metrics server. */
export interface MetricsServer {
  /** e.g. `http://127.0.0.1:9090` */
  readonly url: string;
  readonly metrics: Metrics;
  progress(report: ProgressReport): void;
  close(): Promise<void>;
}

/**
 * Serves `/metrics`, `/healthz` and `/progress` from a thread of its own, so that they are answered while this one computes.
 * Updates are posted, never waited for, and reach the server even if this thread does not return to its event loop.
 *
 * @throws CftError `PortInUse` if another process listens there, `InvalidArgument` if the address cannot be bound
 * @example
 * const server = await startMetricsServer({ host: '127.0.0.1', port: 0, initial: startProgress('train', new Date()).report });
 * server.metrics.set('cft_train_loss_nats', {}, 0.7);
 */
export async function startMetricsServer(options: ServerOptions): Promise<MetricsServer> {
  const worker = new Worker(new URL('./server-thread.ts', import.meta.url), {
    workerData: options,
    name: 'cft-metrics',
  });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const post = (message: ToServer) => worker.postMessage(message);
  const port = await listeningPort(worker, options);
  worker.unref();
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    metrics: {
      set: (name, labels, value) => post({ type: 'set', name, labels, value }),
      inc: (name, labels, by = 1) => post({ type: 'inc', name, labels, value: by }),
      observe: (name, labels, value) => post({ type: 'observe', name, labels, value }),
    },
    progress: (report) => post({ type: 'progress', report }),
    close: async () => {
      worker.ref();
      post({ type: 'close' });
      await exited;
    },
  };
}

function listeningPort(worker: Worker, { host, port }: ServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (message: FromServer) => {
      if (message.type === 'listening') resolve(message.port);
      else reject(bindError(message.code, message.message, host, port));
    });
  });
}

function bindError(code: string, message: string, host: string, port: number): CftError {
  const where = `${host}:${port}`;
  if (code === 'EADDRINUSE') {
    return new CftError('PortInUse', `port ${port} for the metrics is taken by another process`, {
      where,
      hint: 'pass --metrics-port with a free port, 0 for any, or off',
    });
  }
  return new CftError('InvalidArgument', `the metrics cannot be served: ${message}`, {
    where,
    hint: 'pass --metrics-host with an address of this machine and --metrics-port with a port above 1023, or off',
  });
}

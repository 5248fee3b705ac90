import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server that can end in the middle of what is sent. */
export interface Cutter {
  readonly port: number;
  /** After so many more bytes in that direction all connections end, and new ones end at once; undefined: nothing is cut. */
  left: { direction: 'up' | 'down'; bytes: number } | undefined;
  close(): void;
}

export async function startCutter(target: number): Promise<Cutter> {
  const sockets = new Set<Socket>();
  const cutter: Cutter = {
    port: 0,
    left: undefined,
    close() {
      cut();
      server.close();
    },
  };
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const forward = (from: Socket, to: Socket, direction: 'up' | 'down') => {
    sockets.add(from);
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    from.on('data', (bytes) => {
      const { left } = cutter;
      if (left?.direction === direction) left.bytes -= bytes.length;
      if (left !== undefined && left.bytes < 0) return cut();
      if (!to.write(bytes)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
  };
  const server = createServer((client) => {
    if (cutter.left !== undefined && cutter.left.bytes < 0) return client.destroy();
    const upstream = connect(target, '127.0.0.1');
    forward(client, upstream, 'up');
    forward(upstream, client, 'down');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(cutter, { port: (server.address() as AddressInfo).port });
}

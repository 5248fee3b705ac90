import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../cluster/cluster.ts';
import { areBuilt, directoryOf, type GoPrograms, provide } from '../cluster/go-programs.ts';

const PROGRAMS: GoPrograms = {
  name: 's3',
  module: join(import.meta.dirname, 'tools'),
  packages: { versitygw: 'github.com/versity/versitygw/cmd/versitygw' },
  linkerFlags: () => '-s -w',
};

/** Time for {@link provideS3Server}, in milliseconds. */
export const BUILD_TIMEOUT = 900_000;

/** Whether the server is built. CFT_CLUSTER_TESTS=1 asks to build it, which takes minutes. */
export const hasS3Server = areBuilt(PROGRAMS) || process.env.CFT_CLUSTER_TESTS === '1';

/** Builds Versity's S3 gateway: about 3 minutes the first time. Needs Go. */
export async function provideS3Server(): Promise<void> {
  await provide(PROGRAMS);
}

export interface S3Server {
  readonly port: number;
  /** The variables by which a client of the AWS SDK finds the server, with the rights of its owner. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts a real S3 server: Versity's gateway over a directory of its own, with signatures, regions and multipart uploads as Amazon has them. */
export async function startS3Server(region: string): Promise<S3Server> {
  const directory = mkdtempSync(join(tmpdir(), 'cft-versitygw-'));
  const objects = join(directory, 'objects');
  const attributes = join(directory, 'attributes');
  mkdirSync(objects);
  mkdirSync(attributes);
  const [port] = (await freePorts(1)) as [number];
  const endpoint = `http://127.0.0.1:${port}`;
  const owner = { AWS_ACCESS_KEY_ID: 'owner', AWS_SECRET_ACCESS_KEY: 'secret-of-the-owner' };
  const flags = ['--port', `127.0.0.1:${port}`, '--region', region, '--quiet'];
  // Not every file system that tests run on has extended attributes.
  const storage = ['posix', '--sidecar', attributes, objects];
  const child = spawn(join(directoryOf(PROGRAMS), 'versitygw'), [...flags, ...storage], {
    env: { ROOT_ACCESS_KEY: owner.AWS_ACCESS_KEY_ID, ROOT_SECRET_KEY: owner.AWS_SECRET_ACCESS_KEY },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (text) => {
    complaints += text;
  });
  const answers = () =>
    fetch(endpoint).then(
      () => true,
      () => false,
    );
  for (let i = 0; !(await answers()); i++) {
    if (child.exitCode !== null || i > 300) throw new Error(`the S3 server did not start: ${complaints}`);
    await sleep(50);
  }
  return {
    port,
    env: { AWS_ENDPOINT_URL: endpoint, AWS_REGION: region, ...owner },
    async stop() {
      await ended(child);
      rmSync(directory, { recursive: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await exited;
}

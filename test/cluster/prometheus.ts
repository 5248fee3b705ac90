import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from './cluster.ts';
import { areBuilt, directoryOf, type GoPrograms, provide } from './go-programs.ts';

const PROGRAMS: GoPrograms = {
  name: 'prometheus',
  module: join(import.meta.dirname, 'prometheus'),
  packages: {
    prometheus: 'github.com/prometheus/prometheus/cmd/prometheus',
    promtool: 'github.com/prometheus/prometheus/cmd/promtool',
  },
  // Dozens of clouds that are not asked for here.
  tags: ['remove_all_sd'],
  linkerFlags: () => '-s -w',
};

type Program = 'prometheus' | 'promtool';

/** Time for {@link providePrometheus}, in milliseconds. */
export const BUILD_TIMEOUT = 900_000;

const IS_INSTALLED = onPath('prometheus') !== undefined && onPath('promtool') !== undefined;

/** Whether Prometheus is on the PATH or built. CFT_CLUSTER_TESTS=1 asks to build it, which takes minutes. */
export const hasPrometheus = IS_INSTALLED || areBuilt(PROGRAMS) || process.env.CFT_CLUSTER_TESTS === '1';

/** Builds Prometheus where the machine has none: about 3 minutes. Needs Go. */
export async function providePrometheus(): Promise<void> {
  if (!IS_INSTALLED) await provide(PROGRAMS);
}

/** Runs promtool and gives its output. @throws with what it said */
export function promtool(args: readonly string[], input?: string): string {
  return execFileSync(pathOf('promtool'), args, { encoding: 'utf8', stdio: 'pipe', input });
}

interface Answer<T> {
  readonly status: string;
  readonly error?: string;
  readonly data: T;
}

export interface QueryResult {
  readonly result: readonly { readonly metric: Readonly<Record<string, string>>; readonly value: [number, string] }[];
}

/** A real Prometheus that scrapes every second what it is told to. */
export class Prometheus {
  readonly #process: ChildProcess;
  readonly #directory: string;
  readonly #address: string;

  private constructor(child: ChildProcess, directory: string, address: string) {
    this.#process = child;
    this.#directory = directory;
    this.#address = address;
  }

  /** @param scrapeConfigs as in prometheus.yml */
  static async start(scrapeConfigs: readonly object[]): Promise<Prometheus> {
    const directory = mkdtempSync(join(tmpdir(), 'cft-prometheus-'));
    const [port] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    const config = { global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: scrapeConfigs };
    writeFileSync(join(directory, 'prometheus.yml'), JSON.stringify(config));
    const args = ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=${address}`];
    const child = spawn(pathOf('prometheus'), args, { cwd: directory, stdio: 'ignore' });
    const prometheus = new Prometheus(child, directory, address);
    const isReady = () =>
      fetch(`http://${address}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    for (let i = 0; !(await isReady()); i++) {
      if (child.exitCode !== null || i > 300) throw new Error('Prometheus did not start');
      await sleep(100);
    }
    return prometheus;
  }

  /** @throws Error with what Prometheus says of the query */
  async query(query: string): Promise<QueryResult['result']> {
    const response = await fetch(`http://${this.#address}/api/v1/query?${new URLSearchParams({ query })}`);
    const { status, error, data } = (await response.json()) as Answer<QueryResult>;
    if (status !== 'success') throw new Error(`${query}: ${error}`);
    return data.result;
  }

  /** Waits until so many targets have been scraped so many times. It begins with them about 5 seconds after its start. */
  async untilScraped(targets: number, times: number): Promise<void> {
    const isScraped = async () =>
      (await this.query(`count(count_over_time(up[1m]) >= ${times}) >= ${targets}`)).length > 0;
    for (let i = 0; !(await isScraped()); i++) {
      if (i > 150) throw new Error(`not all of ${targets} targets were scraped ${times} times`);
      await sleep(200);
    }
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await exited;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function pathOf(program: Program): string {
  return (IS_INSTALLED ? onPath(program) : undefined) ?? join(directoryOf(PROGRAMS), program);
}

function onPath(program: Program): string | undefined {
  const directories = (process.env.PATH ?? '').split(delimiter);
  return directories.map((directory) => join(directory, program)).find((path) => existsSync(path));
}

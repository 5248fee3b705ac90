import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { CftError } from '../crds/errors.ts';

const SCRIPT = new URL('./peer.py', import.meta.url).pathname;

/** Writes a Qwen2 model of this configuration, with random weights. */
export async function makeModel(python: string, dir: string, config: Readonly<Record<string, unknown>>): Promise<void> {
  await promisify(execFile)(python, [SCRIPT, 'make', dir, JSON.stringify(config)]);
}

/** PyTorch and transformers in a process of their own (peer.py), which does one command at a time. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child;
    this.#lines = lines;
  }

  /** Starts it with a model loaded. */
  static async start(python: string, modelDir: string): Promise<Peer> {
    const child = spawn(python, [SCRIPT, modelDir], { stdio: ['pipe', 'pipe', 'ignore'] });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    const peer = new Peer(child, lines);
    await peer.#read();
    return peer;
  }

  /** @returns what peer.py says, with the seconds that the command took there */
  async ask<T>(command: string, parameters: Readonly<Record<string, unknown>>): Promise<T & { seconds: number }> {
    this.#child.stdin?.write(`${JSON.stringify({ command, ...parameters })}\n`);
    return (await this.#read()) as T & { seconds: number };
  }

  stop(): void {
    this.#child.stdin?.end();
  }

  async #read(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true)
      throw new CftError('Internal', 'the reference process ended', {
        where: 'bench/peer.py',
        hint: 'run it by hand to see why',
      });
    return JSON.parse(value);
  }
}

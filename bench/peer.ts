import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { CftError } from '../crds/errors.ts';

/** PyTorch and transformers, or llama.cpp. */
export type PeerScript = 'peer.py' | 'llama.py';

/** What PyTorch computes with: weights and all else in one of two formats, or fp32 weights whose products are in bf16. */
export type Numbers = 'float32' | 'bfloat16' | 'autocast';

const KEPT = 2000;

/** Writes a Qwen2 model of this configuration, with random weights. */
export async function makeModel(python: string, dir: string, config: Readonly<Record<string, unknown>>): Promise<void> {
  await promisify(execFile)(python, [pathOf('peer.py'), 'make', dir, JSON.stringify(config)]);
}

/** Another implementation in a process of its own, a Python script beside this file, which does one command at a time. */
export class Peer {
  readonly #script: PeerScript;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  /** The end of what it wrote on standard error. */
  #complaint = '';

  private constructor(script: PeerScript, child: ChildProcess, lines: AsyncIterator<string>) {
    this.#script = script;
    this.#child = child;
    this.#lines = lines;
    child.stderr?.on('data', (text) => {
      this.#complaint = `${this.#complaint}${text}`.slice(-KEPT);
    });
  }

  /** Starts it with a model loaded. */
  static async start(python: string, script: PeerScript, modelDir: string, numbers: Numbers): Promise<Peer> {
    const child = spawn(python, [pathOf(script), modelDir, numbers], { stdio: ['pipe', 'pipe', 'pipe'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const peer = new Peer(script, child, lines);
    await peer.#read();
    return peer;
  }

  /** @returns what the script says, with the seconds that the command took there */
  async ask<T>(command: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<T & { seconds: number }> {
    this.#child.stdin?.write(`${JSON.stringify({ command, ...parameters })}\n`);
    return (await this.#read()) as T & { seconds: number };
  }

  stop(): void {
    this.#child.stdin?.end();
  }

  async #read(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true)
      throw new CftError('Internal', `the process that is compared with ended:\n${this.#complaint}`, {
        where: `bench/${this.#script}`,
      });
    return JSON.parse(value);
  }
}

/** What a process is started with. */
export interface PeerOptions {
  readonly python: string;
  /** Where the model lies. */
  readonly dir: string;
  /** Default: PyTorch's. */
  readonly script?: PeerScript;
  /** Default float32. */
  readonly numbers?: Numbers;
}

/** Starts a peer with a model loaded for some work, and stops it after that. */
export async function withPeer<T>(
  { python, dir, script = 'peer.py', numbers = 'float32' }: PeerOptions,
  work: (peer: Peer) => Promise<T>,
): Promise<T> {
  const peer = await Peer.start(python, script, dir, numbers);
  return work(peer).finally(() => peer.stop());
}

function pathOf(script: PeerScript): string {
  return join(import.meta.dirname, script);
}

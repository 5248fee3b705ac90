import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { imageConfig } from '../../scripts/images/dockerfile.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const START_SECONDS = 60;

/** The real operator as a process of its own. */
export class OperatorProcess {
  #child: ChildProcess | undefined;
  readonly #args: readonly string[];
  log = '';

  constructor(kubeconfig: string, args: readonly string[] = []) {
    const always = ['--image', 'trainer:test', '--port', '0', '--host', '127.0.0.1'];
    this.#args = [...nodeFlags(), 'operator/main.ts', '--kubeconfig', kubeconfig, ...always, ...args];
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** @param until what its log says when it has started */
  async start(until: 'leads' | 'waits to lead' = 'leads'): Promise<void> {
    const child = spawn(process.execPath, this.#args, {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.log += text;
    });
    this.#child = child;
    await this.untilLogged(`"message":"${until}"`);
  }

  async untilLogged(text: string): Promise<void> {
    const deadline = performance.now() + START_SECONDS * 1000;
    while (!this.log.includes(text)) {
      if (this.hasEnded || performance.now() > deadline)
        throw new Error(`the operator did not say ${text}:\n${this.log}`);
      await sleep(50);
    }
  }

  get hasEnded(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** What one of its HTTP paths answers. */
  async ask(path: '/metrics' | '/healthz' | '/readyz'): Promise<{ readonly status: number; readonly text: string }> {
    const port = /"port":(\d+)/.exec(this.log)?.[1];
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it with a signal, or waits for its end. @returns the exit status */
  async stop(signal?: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || this.hasEnded) return child?.exitCode ?? null;
    const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    if (signal !== undefined) child.kill(signal);
    // A process that was stopped hears of nothing but SIGKILL.
    if (signal !== undefined) child.kill('SIGCONT');
    return exited;
  }
}

/** Flags of node that the operator's image starts it with. */
function nodeFlags(): string[] {
  const { Entrypoint = [] } = imageConfig(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'), 'operator', '');
  return Entrypoint.filter((argument) => argument.startsWith('--'));
}

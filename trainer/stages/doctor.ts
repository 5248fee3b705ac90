import { parseArgs } from 'node:util';
import { CftError } from '../../crds/errors.ts';
import { type Backend, backendOptions, loadBackend } from '../tensor/backend.ts';
import { readSetupState, type SetupState } from '../tensor/backend-state.ts';
import { inspectMachine, type Machine } from './doctor-machine.ts';

const USAGE = `Usage: cft doctor [--json]

What this machine computes with, what is missing, and how to get it.

      --json  one JSON object: {"usable", "backend", "node", "machine", "setup", "problems"}
  -h, --help  this text

Exit status: 0 usable, 1 not usable, 2 wrong usage.
`;

/** Something that is missing or slower than it could be, and what to do about it. */
export interface Advice {
  readonly problem: string;
  readonly remedy: string;
}

export interface DoctorReport {
  /** Whether a backend computes. */
  readonly usable: boolean;
  readonly backend: (Omit<Backend, 'tf' | 'reason'> & { readonly reason: string | null }) | null;
  readonly node: { readonly version: string; readonly path: string };
  readonly machine: Machine;
  readonly setup: SetupState | null;
  readonly problems: readonly Advice[];
}

/**
 * `cft doctor`: prints what this machine computes with.
 *
 * @param argv arguments after `doctor`
 * @returns exit status: 0 if a backend computes, 1 if none does
 * @throws CftError `InvalidArgument`
 */
export async function main(argv: readonly string[]): Promise<number> {
  const { json, help } = readOptions(argv);
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const report = await examine(process.env);
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : formatReport(report));
  return report.usable ? 0 : 1;
}

function readOptions(argv: readonly string[]): { readonly json: boolean; readonly help: boolean } {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (cause) {
    throw new CftError('InvalidArgument', (cause as Error).message, { hint: 'see `cft doctor --help`', cause });
  }
}

/** Loads the backend as every command would, and looks at what it runs on. */
export async function examine(env: Readonly<Record<string, string | undefined>>): Promise<DoctorReport> {
  const machine = await inspectMachine();
  const setup = readSetupState();
  const backend = await loadBackend(backendOptions(env)).catch((error: unknown) => error as Error);
  const loaded = backend instanceof Error ? undefined : backend;
  const problems = advise(machine, setup, loaded);
  return {
    usable: loaded !== undefined && computes(loaded),
    backend: loaded === undefined ? null : describe(loaded),
    node: { version: process.versions.node, path: process.execPath },
    machine,
    setup: setup ?? null,
    problems:
      backend instanceof Error ? [{ problem: backend.message, remedy: hintOf(backend) }, ...problems] : problems,
  };
}

function computes({ tf }: Backend): boolean {
  const product = tf.matMul(tf.ones([8, 8]), tf.ones([8, 8]));
  const values = product.dataSync();
  product.dispose();
  return values.every((value) => value === 8);
}

function describe({ name, device, tensorflowVersion, threads, kernels, reason }: Backend): DoctorReport['backend'] {
  return { name, device, tensorflowVersion, threads, kernels, reason: reason ?? null };
}

function hintOf(error: Error): string {
  return (error instanceof CftError ? error.hint : undefined) ?? 'run `npm run setup`';
}

/** What could be better on a machine, the worst first. */
export function advise(machine: Machine, setup: SetupState | undefined, backend: Backend | undefined): Advice[] {
  const advice: Advice[] = [];
  if (setup === undefined) advice.push({ problem: 'the set-up has not been done', remedy: 'run `npm run setup`' });
  if (setup?.tensorflow.variant === 'none') {
    advice.push({
      problem: `there is no TensorFlow, so all is many times slower: ${setup.tensorflow.reason}`,
      remedy: [setup.tensorflow.remedy ?? 'mend that', 'then run `npm run setup`'].join(', '),
    });
  } else if (backend?.name === 'wasm') {
    advice.push({
      problem: `the slow wasm backend computes${backend.reason === undefined ? ', as asked for' : `: ${backend.reason}`}`,
      remedy: backend.reason === undefined ? 'unset CFT_BACKEND' : 'run `npm run setup`',
    });
  }
  if (machine.nvidia && backend?.name === 'tensorflow' && backend.device === 'cpu') {
    advice.push(
      setup?.tensorflow.variant === 'gpu'
        ? {
            problem: 'there is an NVIDIA GPU, but TensorFlow does not use it',
            remedy:
              'run `TF_CPP_MIN_LOG_LEVEL=0 npx cft doctor` and read what TensorFlow says: the driver may be older than CUDA 12 needs (525)',
          }
        : {
            problem: 'there is an NVIDIA GPU, but TensorFlow was set up for the processor only',
            remedy: 'run `CFT_TENSORFLOW=gpu npm run setup`',
          },
    );
  }
  return advice;
}

/** The report as a person reads it. */
export function formatReport({ usable, backend, node, machine, setup, problems }: DoctorReport): string {
  const tensorflow = setup?.tensorflow;
  const rows: readonly (readonly [string, string])[] = [
    ['backend', backend === null ? 'none' : `${backend.name} ${backend.tensorflowVersion ?? ''}`.trim()],
    ['device', backend === null ? 'none' : backend.device],
    ['threads', backend === null ? 'none' : String(backend.threads)],
    ['decoding', backend?.kernels === true ? 'layers as one op' : 'op by op'],
    ['node', `${node.version} (${node.path})`],
    ['processor', `${machine.processor}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB`],
    ['features', machine.features.join(' ') || 'none known'],
    ['gpu', machine.gpus.join(', ') || (machine.nvidia ? 'NVIDIA' : 'none')],
    ['cache', setup?.cache ?? 'none'],
    ['tensorflow', tensorflow === undefined || tensorflow.variant === 'none' ? 'none' : tensorflow.home],
  ];
  return [
    ...rows.map(([name, value]) => `${name.padEnd(12)}${value}`),
    ...problems.flatMap(({ problem, remedy }) => [`! ${problem}`, `  try  ${remedy}`]),
    usable ? 'usable' : 'not usable',
    '',
  ].join('\n');
}

import { existsSync } from 'node:fs';
import { CftError } from '../crds/errors.ts';

/** A command of cft: what it does, in a line, and its start, which loads its modules. */
export interface Command {
  readonly summary: string;
  /** @returns exit status */
  start(argv: readonly string[]): Promise<number>;
}

/** Commands that do one stage; the trainer's entry tells them apart by the first argument. */
function stage(name: string, summary: string): [string, Command] {
  const start = async (argv: readonly string[]) => {
    needTrainer(name);
    return (await import('../trainer/main.ts')).main([name, ...argv]);
  };
  return [name, { summary, start }];
}

/** Commands of the trainer that are no stage. */
function trainerCommand(
  name: string,
  summary: string,
  load: () => Promise<{ main(argv: readonly string[]): Promise<number> }>,
): [string, Command] {
  const start = async (argv: readonly string[]) => {
    needTrainer(name);
    return (await load()).main(argv);
  };
  return [name, { summary, start }];
}

/** @throws CftError in the operator's image, which comes without the trainer */
function needTrainer(name: string): void {
  if (existsSync(new URL('../trainer/', import.meta.url))) return;
  throw new CftError('InvalidArgument', `cft ${name} needs the trainer, which is not in this image`, {
    value: name,
    hint: "use the trainer's image, cft-trainer",
  });
}

/** All commands, in the order in which a user meets them. */
export const commands: Readonly<Record<string, Command>> = Object.fromEntries<Command>([
  [
    'run',
    {
      summary: 'all stages of a CftRun manifest, on this machine',
      start: async (argv) => (await import('../operator/cli/run.ts')).main([...argv]),
    },
  ],
  [
    'validate',
    {
      summary: 'what is wrong with a manifest, or the stages that it asks for',
      start: async (argv) => (await import('../operator/cli/validate.ts')).main([...argv]),
    },
  ],
  stage('generate', 'responses of a model to questions, or to one prompt'),
  stage('verify', 'which responses have the right final answer'),
  stage('annotate', 'which tokens of correct responses are critical'),
  stage('train', 'fine-tune on the critical tokens, or on others to compare'),
  stage('evaluate', 'accuracy, pass@k and token entropy on data sets'),
  stage('report', 'one HTML page about a run'),
  trainerCommand(
    'merge',
    'a model directory from a model and its LoRA adapter',
    () => import('../trainer/stages/merge.ts'),
  ),
  trainerCommand(
    'export',
    'annotated responses as tokens and labels, for other trainers',
    () => import('../trainer/stages/export.ts'),
  ),
  trainerCommand(
    'agreement',
    'how far two annotations agree on the critical tokens',
    () => import('../trainer/stages/agreement.ts'),
  ),
  stage('stage', 'a stage from its JSON file, as pods start it'),
  trainerCommand(
    'doctor',
    'what this machine computes with, and what is missing',
    () => import('../trainer/stages/doctor.ts'),
  ),
]);

export function isHelp(argument: string): boolean {
  return argument === 'help' || argument === '--help' || argument === '-h';
}

/** What `cft --help` says. */
export function usage(): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(11)}${summary}\n`);
  return `Usage: cft COMMAND [options]

Critical token fine-tuning: train on the tokens that decide whether an answer is right.

${lines.join('')}
\`cft COMMAND --help\` tells a command's options.

Environment: CFT_BACKEND=auto|tensorflow|wasm, CFT_THREADS=N, CFT_XLA=1 (compile with XLA), CFT_KERNELS=0
(TensorFlow's own ops only), CFT_DEBUG=1 (stacks of errors).
Exit status: 0 done, 1 failed, 2 wrong usage or input, 130 or 143 stopped by a signal.
`;
}

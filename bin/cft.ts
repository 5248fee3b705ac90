import { CftError } from '../crds/errors.ts';
import { commands, isHelp, usage } from './commands.ts';
import { describeFailure } from './failure.ts';

/** Ends the process over an error that reached the top: one clear message, and the stack with `CFT_DEBUG=1`. */
function fail(error: unknown): void {
  const { text, exitCode } = describeFailure(error, process.env.CFT_DEBUG === '1');
  process.stderr.write(`${text}\n`);
  process.exitCode = exitCode;
}

async function main([name, ...argv]: readonly string[]): Promise<number> {
  if (name === undefined || isHelp(name)) {
    process.stdout.write(usage());
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    throw new CftError('InvalidArgument', `there is no command "${name}"`, {
      value: name,
      hint: `use one of ${Object.keys(commands).join(', ')}; \`cft --help\` tells what they do`,
    });
  }
  return command.start(argv);
}

// The reader of our output went away, as `cft ... | head` does: nothing is left to say to anyone.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
process.on('uncaughtException', (error) => {
  fail(error);
  process.exit();
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  fail(error);
}

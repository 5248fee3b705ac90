// `npm run reference-env`: installs what `npm run bench` and the live comparisons among the tests compare with. Prints its Python.
// `npm run reference-env -- llama.cpp`: what the benchmark of decoding compares with beside that.
import { makeLlamaEnvironment, makeReferenceEnvironment } from './reference-env.ts';
import { report } from './setup/report.mjs';

try {
  const make = process.argv[2] === 'llama.cpp' ? makeLlamaEnvironment : makeReferenceEnvironment;
  process.stdout.write(`${await make()}\n`);
} catch (error) {
  report(error);
  process.exitCode = 1;
}

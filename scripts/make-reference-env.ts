// `npm run reference-env`: installs what `npm run bench` and the live comparisons among the tests compare with. Prints its Python.
import { makeReferenceEnvironment } from './reference-env.ts';
import { report } from './setup/report.mjs';

try {
  process.stdout.write(`${await makeReferenceEnvironment()}\n`);
} catch (error) {
  report(error);
  process.exitCode = 1;
}

// `npm run check`: types, lint, formatting, and generated files up to date, in seconds.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChecks } from './checks.ts';

const results = await runChecks(join(dirname(fileURLToPath(import.meta.url)), '..'));
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;

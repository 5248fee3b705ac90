// What the Dockerfile and people call:
//
//   node scripts/images/main.ts lay-out operator|trainer FOLDER   the files of an image, for the Dockerfile
//   node scripts/images/main.ts archive operator|trainer FILE     the image as an OCI archive, without a container builder
import { statSync } from 'node:fs';
import { buildImage } from './archive.ts';
import { TARGETS } from './contents.ts';
import { layOut } from './lay-out.ts';

const [command, name, path] = process.argv.slice(2);
const target = TARGETS.find((known) => known === name);
if (target === undefined || path === undefined || (command !== 'lay-out' && command !== 'archive')) {
  process.stderr.write(`usage: node scripts/images/main.ts lay-out|archive ${TARGETS.join('|')} PATH\n`);
  process.exitCode = 2;
} else if (command === 'lay-out') {
  layOut(target, path);
} else {
  const image = await buildImage(target, path);
  const layers = image.layers.map(({ part, size }) => `${part} ${megabytes(size)}`).join(', ');
  process.stdout.write(`${image.name}  ${megabytes(statSync(path).size)} in ${path}: ${layers}\n`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

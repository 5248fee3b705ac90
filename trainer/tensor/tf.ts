import { createRequire } from 'node:module';
import util from 'node:util';

// tfjs-node 4.22 calls these two, which newer versions of Node deprecate and remove; they must be there before the package loads.
const legacy = util as unknown as Record<string, unknown>;
legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
legacy.isArray = Array.isArray;

/** tfjs, loaded once as the CommonJS package that its backends also load, so that all of them share one engine. */
export const tf = createRequire(import.meta.url)('@tensorflow/tfjs') as typeof import('@tensorflow/tfjs-core');

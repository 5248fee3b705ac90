import { createHash, type Hash } from 'node:crypto';

/** What a file's content must be: a digest that the other side has told, or its size alone. */
export interface Check {
  /** `git`: as git names a blob, SHA-1 over a header and the content. `size`: nothing but the size can be checked. */
  readonly kind: 'sha256' | 'git' | 'md5' | 'size';
  /** Hexadecimal; for `size` whatever tells this content from another, such as an ETag. */
  readonly value: string;
}

/** Takes a file's bytes in order, and says in the end whether they are right. */
export interface Checker {
  update(bytes: Uint8Array): void;
  matches(): boolean;
}

/** @param size of the whole file in bytes */
export function createChecker({ kind, value }: Check, size: number): Checker {
  let seen = 0;
  const hash = hashFor(kind, size);
  return {
    update(bytes) {
      seen += bytes.length;
      hash?.update(bytes);
    },
    matches() {
      if (seen !== size) return false;
      return hash === undefined || hash.digest('hex') === value.toLowerCase();
    },
  };
}

function hashFor(kind: Check['kind'], size: number): Hash | undefined {
  switch (kind) {
    case 'sha256':
    case 'md5':
      return createHash(kind);
    case 'git':
      return createHash('sha1').update(`blob ${size}\0`);
    default:
      return undefined;
  }
}

import { SetupFailure } from './report.mjs';

const causes: readonly (readonly [pattern: RegExp, message: string, hint: string])[] = [
  [
    /DO NOT MATCH THE HASHES|BadZipFile/,
    'a wheel is not the pinned one: its hash is another',
    'run the set-up again; if it fails again, your package index, PIP_FIND_LINKS or proxy serves a changed file: remove it there',
  ],
  [
    /No space left on device|Errno 28/,
    'the disk is full',
    'free some space (TensorFlow needs 1.5 GB, with CUDA 9 GB, PyTorch 6 GB), or set XDG_CACHE_HOME to a folder on another disk',
  ],
  [
    /No module named ['"]?(pip|ensurepip)/,
    'Python has no pip',
    'install it (Debian: apt-get install python3-pip; elsewhere: python3 -m ensurepip)',
  ],
  [
    /CERTIFICATE_VERIFY_FAILED|SSLError|certificate verify failed/,
    "pip does not trust the package index's certificate",
    "tell pip your network's certificate (PIP_CERT=FILE)",
  ],
  [
    /Failed to establish a new connection|NewConnectionError|Name or service not known|Temporary failure in name resolution|ConnectTimeout|ProxyError|Connection (refused|reset|timed out)|Network is unreachable|Read timed out|NameResolutionError/,
    'pip does not reach its package index',
    'check the network, or set PIP_INDEX_URL to an index that you reach, or PIP_FIND_LINKS to a folder with the wheel',
  ],
  [
    /No matching distribution found|Could not find a version/,
    "pip's package index does not have a pinned version",
    'set PIP_INDEX_URL to an index that has it, or PIP_FIND_LINKS to a folder with its wheel (scripts/setup/wheels.json has the hashes)',
  ],
];

/** The failure behind pip's words, with what to do about it. */
export function pipFailure(output: string): SetupFailure {
  const [, message, hint] = causes.find(([pattern]) => pattern.test(output)) ?? [
    undefined,
    'pip could not download what is needed',
    'see its message above',
  ];
  return new SetupFailure(message, hint, output);
}

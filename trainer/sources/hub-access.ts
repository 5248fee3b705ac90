import { CftError } from '../../crds/errors.ts';
import type { Address } from './address.ts';
import type { Check } from './check.ts';

export type HubAddress = Extract<Address, { kind: 'hub' }>;

/** How the hub is asked for a repository: HF_TOKEN and HF_ENDPOINT are obeyed. */
export function hubAccess(
  { repo }: HubAddress,
  type: 'model' | 'dataset',
  env: Readonly<Record<string, string | undefined>>,
) {
  return {
    repo: { type, name: repo },
    ...(env.HF_ENDPOINT ? { hubUrl: env.HF_ENDPOINT.replace(/\/$/, '') } : {}),
    ...(env.HF_TOKEN ? { accessToken: env.HF_TOKEN } : {}),
  };
}

/** What a listed file's content must be. */
export function checkOf({ oid, lfs }: { readonly oid?: string; readonly lfs?: { readonly oid: string } }): Check {
  return lfs === undefined ? { kind: 'git', value: oid ?? '' } : { kind: 'sha256', value: lfs.oid };
}

const DENIED = {
  find: 'set HF_TOKEN, in a cluster from a Secret through spec.pods.env; the name may also be misspelt',
  read: 'check that HF_TOKEN may read it, and that its licence was accepted on its page',
  write: 'check that HF_TOKEN may write there: its role, and the owner in the address',
};

/**
 * What went wrong at the hub, as an error that says what to do.
 *
 * @param type of the repository
 * @param intent what was tried: to `find` a repository without a token, to `read` with one, or to `write`
 */
export function explainHub(error: unknown, where: string, type: string, intent: keyof typeof DENIED): unknown {
  if (error instanceof CftError || !(error instanceof Error)) return error;
  const { statusCode } = error as { statusCode?: number };
  if (error instanceof TypeError && /access token/.test(error.message)) {
    return new CftError('InvalidArgument', 'HF_TOKEN is no token of the hub', {
      where,
      hint: 'tokens begin with hf_',
      cause: error,
    });
  }
  if (statusCode === 401 || statusCode === 403) {
    return new CftError('InvalidArgument', `the hub denies access to the ${type} (status ${statusCode})`, {
      where,
      hint: DENIED[intent],
      cause: error,
    });
  }
  if (statusCode === 404) {
    return new CftError('FileNotFound', `the hub has no such ${type} or revision`, {
      where,
      hint: 'check owner, name and revision: hf://owner/name@revision',
      cause: error,
    });
  }
  const reason = error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
  return new CftError('ServiceUnavailable', `the hub could not be asked: ${reason}`, {
    where,
    hint: 'check the network, and HF_ENDPOINT where a mirror is used',
    cause: error,
  });
}

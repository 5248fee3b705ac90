import type { S3Client } from '@aws-sdk/client-s3';
import { CftError } from '../../crds/errors.ts';
import type { Address } from './address.ts';
import type { Check } from './check.ts';
import { type RemoteFile, type RemoteTree, under } from './remote.ts';

export type S3Address = Extract<Address, { kind: 's3' }>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Metadata of an object that we have put: the SHA-256 of its content, in hexadecimal. */
export const DIGEST = 'cft-sha256';

/**
 * A client for the service that the AWS SDK's own variables name: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL for services other than Amazon's, AWS_REGION,
 * AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the pod's identity.
 */
export async function openS3(env: Environment): Promise<S3Client> {
  const sdk = await import('@aws-sdk/client-s3');
  const endpoint = env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  return new sdk.S3Client({
    region: env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1',
    // Services other than Amazon's seldom have a host name for each bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...keysOf(env),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

/** The keys that the environment holds; without them, or with a profile, the SDK looks in files of its own and for the pod's identity. */
function keysOf(env: Environment) {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: token } = env;
  if (env.AWS_PROFILE || !accessKeyId || !secretAccessKey) return {};
  return { credentials: { accessKeyId, secretAccessKey, ...(token ? { sessionToken: token } : {}) } };
}

/**
 * The objects that an address means: the one of that key, or those below it.
 *
 * @throws CftError FileNotFound for an unknown bucket or key, InvalidArgument without access, ServiceUnavailable
 */
export async function s3Files(client: S3Client, { bucket, key }: S3Address): Promise<RemoteTree> {
  const { GetObjectCommand, HeadObjectCommand, paginateListObjectsV2 } = await import('@aws-sdk/client-s3');
  const where = `s3://${bucket}/${key}`;
  const explained = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw explainS3(error, where);
    }
  };
  const pages = await explained(() =>
    Array.fromAsync(paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: key })),
  );
  const keys = pages.flatMap(({ Contents = [] }) => Contents.flatMap(({ Key }) => (Key === undefined ? [] : [Key])));
  const inside = keys.filter((one) => key === '' || one === key || one.startsWith(`${key}/`));
  const files = inside
    .filter((one) => !one.endsWith('/'))
    .map(async (one): Promise<RemoteFile> => {
      const head = await explained(() =>
        client.send(new HeadObjectCommand({ Bucket: bucket, Key: one, ChecksumMode: 'ENABLED' })),
      );
      const size = head.ContentLength ?? 0;
      const etag = head.ETag ?? '';
      const read = async (start: number, signal: AbortSignal) => {
        const range = start === 0 ? {} : { Range: `bytes=${start}-` };
        // Another version of the object must not be spliced onto the first one.
        const request = new GetObjectCommand({ Bucket: bucket, Key: one, IfMatch: etag, ...range });
        const { Body } = await client.send(request, { abortSignal: signal }).catch((error) => {
          const said = explainS3(error, where);
          throw said instanceof CftError && said.code !== 'ServiceUnavailable' ? said : error;
        });
        return Body as unknown as AsyncIterable<Uint8Array>;
      };
      return { name: one, size, check: checkOf(head, `${where} ${one} ${etag}`), read };
    });
  const tree = under(await Promise.all(files), key);
  if (tree.files.length > 0) return tree;
  throw new CftError('FileNotFound', 'there is no object of this key, and none below it', {
    where,
    hint: 'check bucket and prefix',
  });
}

interface Head {
  readonly Metadata?: Record<string, string> | undefined;
  readonly ETag?: string | undefined;
  readonly ChecksumSHA256?: string | undefined;
  readonly ChecksumType?: string | undefined;
  readonly ServerSideEncryption?: string | undefined;
}

/** The best that the service tells. An ETag is the content's MD5 only for objects that were put whole and not encrypted by a key of KMS. */
function checkOf(head: Head, identity: string): Check {
  const hex = (base64: string) => Buffer.from(base64, 'base64').toString('hex');
  const isWhole = (sum: string | undefined): sum is string =>
    sum !== undefined && !sum.includes('-') && head.ChecksumType !== 'COMPOSITE';
  const ours = head.Metadata?.[DIGEST];
  if (ours !== undefined && /^[0-9a-f]{64}$/.test(ours)) return { kind: 'sha256', value: ours };
  if (isWhole(head.ChecksumSHA256)) return { kind: 'sha256', value: hex(head.ChecksumSHA256) };
  const md5 = /^"?([0-9a-f]{32})"?$/i.exec(head.ETag ?? '')?.[1];
  if (md5 !== undefined && !/kms/i.test(head.ServerSideEncryption ?? '')) return { kind: 'md5', value: md5 };
  return { kind: 'size', value: identity };
}

/** Names of errors that mean it whatever their status: no keys at all, keys that nobody has. */
const NO_ACCESS = /^CredentialsProviderError$|InvalidAccessKeyId|UserNotFound/;

/** What went wrong at a service of S3's kind, as an error that says what to do. */
export function explainS3(error: unknown, where: string): unknown {
  if (error instanceof CftError || !(error instanceof Error)) return error;
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (status === 401 || status === 403 || NO_ACCESS.test(error.name)) {
    return new CftError('InvalidArgument', `no access: ${error.name}`, {
      where,
      hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in a cluster from a Secret through spec.pods.env, and AWS_ENDPOINT_URL for a service other than Amazon’s',
      cause: error,
    });
  }
  if (status === 404) {
    return new CftError('FileNotFound', `there is no such bucket or object: ${error.name}`, {
      where,
      hint: 'check bucket and key',
      cause: error,
    });
  }
  // Of another region: Amazon redirects, others refuse. The answer to HEAD has no text that would say so.
  if (status === 301 || status === 400) {
    return new CftError('InvalidArgument', `the storage refuses the request: ${error.message || error.name}`, {
      where,
      hint: 'check that AWS_REGION and AWS_ENDPOINT_URL are those of the bucket, and the bucket’s name',
      cause: error,
    });
  }
  if (status === 412) {
    return new CftError('CorruptFile', 'the object has changed while it was fetched', {
      where,
      hint: 'start again when it is whole',
      cause: error,
    });
  }
  return new CftError('ServiceUnavailable', `the storage could not be asked: ${error.message || error.name}`, {
    where,
    hint: 'check the network and AWS_ENDPOINT_URL',
    cause: error,
  });
}

import { CftError } from '../../crds/errors.ts';
import { type Selection, selectFiles } from '../data/dataset-directory.ts';
import { stateFileOf } from '../data/saved-dataset.ts';
import { checkOf, explainHub, type HubAddress, hubAccess } from './hub-access.ts';
import { type RemoteFile, type RemoteTree, under } from './remote.ts';

/** Which repositories and files are meant: all of a model that is needed to run it, or one split of a data set. */
export type Wanted = { readonly type: 'model' } | ({ readonly type: 'dataset' } & Selection);

type Environment = Readonly<Record<string, string | undefined>>;

/** Weights of other formats, and what else lies in model repositories. */
const OF_A_MODEL = /^[^/]+\.(?:safetensors|json|jinja|model|txt)$/;

/**
 * The files that an address on the Hugging Face hub means. HF_TOKEN is sent to it, HF_ENDPOINT is its address where it is another than
 * https://huggingface.co, HF_HUB_DISABLE_XET=1 keeps to plain downloads.
 *
 * @throws CftError FileNotFound for an unknown repository, revision or path, InvalidArgument where the token lacks access, ServiceUnavailable
 */
export async function hubFiles(address: HubAddress, wanted: Wanted, env: Environment): Promise<RemoteTree> {
  const hub = await import('@huggingface/hub');
  const where = `hf://${address.repo}@${address.revision}`;
  const access = { ...hubAccess(address, wanted.type, env), revision: address.revision };
  const explained = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw explainHub(error, where, wanted.type, access.accessToken === undefined ? 'find' : 'read');
    }
  };
  const described = { ...access, name: address.repo };
  const { sha } = await explained(() =>
    wanted.type === 'model'
      ? hub.modelInfo({ ...described, additionalFields: ['sha'] })
      : hub.datasetInfo({ ...described, additionalFields: ['sha'] }),
  );
  // From here on by commit: the branch may move on between two files.
  const pinned = { ...access, revision: sha };
  const listed = await explained(() => Array.fromAsync(hub.listFiles({ ...pinned, recursive: true })));
  const files = listed
    .filter(({ type }) => type === 'file')
    .map((file): RemoteFile => {
      const { path: name, size } = file;
      const read = async (start: number, signal: AbortSignal) => {
        const within: typeof fetch = (url, init) => fetch(url, { ...init, signal });
        const xet = env.HF_HUB_DISABLE_XET !== '1';
        const blob = await hub.downloadFile({ ...pinned, path: name, xet, fetch: within });
        if (blob === null) throw new CftError('FileNotFound', 'the file is gone', { where: `${where}/${name}` });
        return blob.slice(start).stream() as unknown as AsyncIterable<Uint8Array>;
      };
      return { name, size, check: checkOf(file), read };
    });
  const below = under(files, address.path);
  const chosen = below.entry === '' ? await selected(below.files, wanted, where) : below.files;
  if (chosen.length > 0) return { files: chosen, entry: below.entry };
  const has = files.map(({ name }) => name).slice(0, 10);
  throw new CftError(
    'FileNotFound',
    `the ${wanted.type} has no ${address.path === '' ? 'files to use' : address.path}`,
    {
      where,
      hint: `it has ${has.join(', ') || 'no files at all'}`,
    },
  );
}

/** The files that a run needs of those that are there. */
export async function selected(files: readonly RemoteFile[], wanted: Wanted, where: string): Promise<RemoteFile[]> {
  if (wanted.type === 'model') return files.filter(({ name }) => OF_A_MODEL.test(name));
  if (files.length === 0) return [];
  const card = files.find(({ name }) => name === 'README.md');
  const text = card === undefined ? undefined : await textOf(card);
  const names = new Set(
    selectFiles(
      files.map(({ name }) => name),
      text,
      wanted,
      where,
    ),
  );
  const states = new Set([...names].filter((name) => name.endsWith('.arrow')).map(stateFileOf));
  return files.filter((file) => names.has(file.name) || states.has(file.name) || file === card);
}

async function textOf(file: RemoteFile): Promise<string> {
  const chunks = await Array.fromAsync(await file.read(0, new AbortController().signal));
  return Buffer.concat(chunks).toString('utf8');
}

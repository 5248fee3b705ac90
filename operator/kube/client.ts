import { HttpMethod, type KubeConfig, RequestContext } from '@kubernetes/client-node';
import { type Dispatcher, request } from 'undici';
import { ApiError } from './api-error.ts';
import type { KubeObject } from './objects.ts';
import { objectPath, type Resource } from './resources.ts';

/** The one field manager of all that the operator writes. */
export const FIELD_MANAGER = 'cft-operator';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface RequestOptions {
  readonly query?: Query | undefined;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Hears of every answered request, for metrics. Status 0: there was no answer. */
export type RequestObserver = (method: Method, path: string, status: number) => void;

export interface ClientOptions {
  readonly observe?: RequestObserver;
  /** Asked before every request that would change something: false if this process no longer leads. */
  readonly mayWrite?: () => boolean;
}

/** Not sent, because this process may not lead any more: another one may be writing already. */
export class NotLeadingError extends Error {
  override readonly name = 'NotLeadingError';
}

/** Time for one answer, streams apart, in milliseconds. */
const ANSWER_TIMEOUT = 30_000;

/**
 * The API server, spoken to in JSON. Who is asking and how to connect comes from a kubeconfig or from the pod's service account; objects
 * are taken as they are, without the copies that generated clients make of them.
 */
export class KubeClient {
  readonly #config: KubeConfig;
  readonly #observe: RequestObserver;
  readonly #mayWrite: () => boolean;
  /** One pool of connections: a new one for each request would open a new connection each time. */
  #dispatcher: Dispatcher | undefined;

  constructor(config: KubeConfig, { observe = () => {}, mayWrite = () => true }: ClientOptions = {}) {
    this.#config = config;
    this.#observe = observe;
    this.#mayWrite = mayWrite;
  }

  async get<T>(resource: Resource, namespace: string, name: string): Promise<T> {
    return this.send<T>('GET', objectPath(resource, namespace, name));
  }

  /** Creates an object. @throws ApiError 409 AlreadyExists */
  async create<T>(path: string, object: object): Promise<T> {
    return this.send<T>('POST', path, { body: object, query: { fieldManager: FIELD_MANAGER } });
  }

  /** Server-side apply of the fields given; earlier ones of the operator that are not given go. */
  async apply<T>(resource: Resource, object: KubeObject, subresource = ''): Promise<T> {
    const { namespace = '', name } = object.metadata;
    return this.send<T>('PATCH', objectPath(resource, namespace, name) + subresource, {
      body: object,
      contentType: 'application/apply-patch+yaml',
      query: { fieldManager: FIELD_MANAGER, force: true },
    });
  }

  /** Changes single fields of an object, by JSON merge patch. */
  async merge<T>(resource: Resource, namespace: string, name: string, patch: object): Promise<T> {
    return this.send<T>('PATCH', objectPath(resource, namespace, name), {
      body: patch,
      contentType: 'application/merge-patch+json',
      query: { fieldManager: FIELD_MANAGER },
    });
  }

  async replace<T>(resource: Resource, object: KubeObject): Promise<T> {
    const { namespace = '', name } = object.metadata;
    return this.send<T>('PUT', objectPath(resource, namespace, name), {
      body: object,
      query: { fieldManager: FIELD_MANAGER },
    });
  }

  /** Deletes an object, and in the background what it owns. */
  async delete(resource: Resource, namespace: string, name: string, uid?: string): Promise<void> {
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    await this.send('DELETE', objectPath(resource, namespace, name), {
      body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', ...preconditions },
    });
  }

  /** @throws ApiError for an answer other than 2xx; NotLeadingError; what undici throws where there is no answer */
  async send<T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> {
    const timeout = AbortSignal.timeout(ANSWER_TIMEOUT);
    const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
    const response = await this.#request(method, path, { ...options, signal });
    const text = await response.body.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /**
   * The lines of a streamed answer, such as a watch. Ends when the server ends it.
   *
   * @param idle milliseconds without a byte after which the connection counts as dead
   */
  async *lines(path: string, options: { query: Query; signal: AbortSignal; idle: number }): AsyncGenerator<string> {
    const response = await this.#request('GET', path, { ...options, bodyTimeout: options.idle });
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body) {
      rest += decoder.decode(chunk as Buffer, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield line;
    }
  }

  async #request(
    method: Method,
    path: string,
    options: RequestOptions & { bodyTimeout?: number },
  ): Promise<Dispatcher.ResponseData> {
    const url = new URL(`${this.#config.getCurrentCluster()?.server ?? ''}${path}`);
    for (const [name, value] of Object.entries(options.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const context = new RequestContext(url.toString(), HttpMethod.GET);
    await this.#config.applySecurityAuthentication(context);
    this.#dispatcher ??= context.getDispatcher() as Dispatcher | undefined;
    const { body } = options;
    if (method !== 'GET' && !this.#mayWrite())
      throw new NotLeadingError('not sent: the lease was not renewed in time, another operator may lead');
    let response: Dispatcher.ResponseData;
    try {
      response = await request(url, {
        method,
        headers: {
          ...context.getHeaders(),
          accept: 'application/json',
          'user-agent': FIELD_MANAGER,
          ...(body === undefined ? {} : { 'content-type': options.contentType ?? 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        bodyTimeout: options.bodyTimeout ?? ANSWER_TIMEOUT,
        signal: options.signal ?? null,
        ...(this.#dispatcher === undefined ? {} : { dispatcher: this.#dispatcher }),
      });
    } catch (error) {
      this.#observe(method, path, 0);
      throw error;
    }
    this.#observe(method, path, response.statusCode);
    if (response.statusCode >= 300) throw apiError(response, await response.body.text());
    return response;
  }
}

function apiError({ statusCode, headers }: Dispatcher.ResponseData, text: string): ApiError {
  const retryAfter = Number(headers['retry-after']);
  const { message, reason } = parseStatus(text);
  return new ApiError(statusCode, message ?? `the API server answered ${statusCode}: ${text.slice(0, 200)}`, {
    reason,
    retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
  });
}

/** The parts of a metav1.Status, if the text is one. */
function parseStatus(text: string): { message?: string; reason?: string } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

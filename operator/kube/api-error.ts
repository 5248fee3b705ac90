/** An answer of the API server other than 2xx. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** metav1.Status.reason, such as `AlreadyExists`. */
  readonly reason: string | undefined;
  /** Seconds that the server asks to wait, where it does. */
  readonly retryAfter: number | undefined;

  constructor(
    status: number,
    message: string,
    details: { reason?: string | undefined; retryAfter?: number | undefined } = {},
  ) {
    super(message);
    this.status = status;
    this.reason = details.reason;
    this.retryAfter = details.retryAfter;
  }
}

export function isStatus(error: unknown, ...statuses: number[]): boolean {
  return error instanceof ApiError && statuses.includes(error.status);
}

/** The object is there already: as good as created, its name being a function of what it is. */
export function isAlreadyExists(error: unknown): boolean {
  return isStatus(error, 409) && (error as ApiError).reason === 'AlreadyExists';
}

/**
 * The API server does not know the kind of the object's owner yet: for up to half a minute after its CRD was installed, its admission plugin
 * OwnerReferencesPermissionEnforcement has not heard of it, and refuses all that belongs to such an owner.
 * https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#ownerreferencespermissionenforcement
 */
export function isOwnerUnknownYet(error: unknown): boolean {
  return isStatus(error, 403) && (error as ApiError).message.includes('cannot find RESTMapping');
}

/** The object was changed by someone since it was read. */
export function isConflict(error: unknown): boolean {
  return isStatus(error, 409) && (error as ApiError).reason === 'Conflict';
}

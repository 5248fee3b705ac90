/** What the TensorFlow library is told through environment variables before it loads; it offers no other way through its addon. */
export interface TensorflowSettings {
  /** CPU threads, for the work inside one op and for ops beside each other alike. */
  readonly threads: number;
  /** Let XLA compile clusters of ops. */
  readonly xla?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variables to set before TensorFlow loads. Variables that the user has set stay as they are.
 *
 * Threads (measured on 2.21, matmul of 1024 x 1024, processor time / wall time on 2 cores): `TF_NUM_INTRAOP_THREADS=1` brings 1.7 down
 * to 1.0 in the eager context, and 1.8 down to 1.0 in sessions of loaded SavedModels; independent ops of a session still run beside
 * each other (1.9) until `TF_NUM_INTEROP_THREADS=1` (1.0). `OMP_NUM_THREADS` has no effect. Without them TensorFlow takes every core
 * of the machine, also where a container may use only a few.
 */
export function tensorflowEnvironment(settings: TensorflowSettings, env: Environment): Record<string, string> {
  const wanted: Record<string, string> = {
    TF_NUM_INTRAOP_THREADS: String(settings.threads),
    TF_NUM_INTEROP_THREADS: String(settings.threads),
    // Warnings about the build and the processor are for TensorFlow's developers.
    TF_CPP_MIN_LOG_LEVEL: '2',
    // The eager context and each session would otherwise claim the whole GPU for itself.
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    ...(settings.xla ? { TF_XLA_FLAGS: '--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit' } : {}),
  };
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => env[name] === undefined || env[name] === ''));
}

/** A whole number of at least 1 from a variable, or undefined where it is unset or says nothing usable. */
export function positiveInteger(value: string | undefined): number | undefined {
  return value !== undefined && /^[1-9][0-9]*$/.test(value) ? Number(value) : undefined;
}

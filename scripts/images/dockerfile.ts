/** What a container starts with, as in the OCI image format. */
export interface ImageConfig {
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
  readonly Env: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly ExposedPorts: Readonly<Record<string, object>>;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** The instructions of a stage, its FROM first. @throws if there is no such stage */
export function stageInstructions(dockerfile: string, stage: string): Instruction[] {
  const lines = dockerfile
    .replace(/^\s*#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const instructions = lines.map((line): Instruction => {
    const [, name = '', text = ''] = /^\s*(\w+)\s+(.*)$/.exec(line) ?? [];
    return { name: name.toUpperCase(), text: text.replace(/\s+/g, ' ').trim() };
  });
  const start = instructions.findIndex(({ name, text }) => name === 'FROM' && text.endsWith(` AS ${stage}`));
  if (start < 0) throw new Error(`the Dockerfile has no stage ${stage}`);
  const rest = instructions.slice(start + 1);
  const end = rest.findIndex(({ name }) => name === 'FROM');
  return [instructions[start] as Instruction, ...(end < 0 ? rest : rest.slice(0, end))];
}

/**
 * What the containers of a stage start with. FROM and COPY say what is in it, not how it starts.
 *
 * @throws on an instruction that would make it another image than the files that are laid out, such as RUN
 */
export function imageConfig(dockerfile: string, stage: string, version: string): ImageConfig {
  const config = {
    Env: [] as string[],
    ExposedPorts: {} as Record<string, object>,
    Labels: {} as Record<string, string>,
  };
  const single: Record<string, unknown> = {};
  for (const { name, text: raw } of stageInstructions(dockerfile, stage)) {
    const text = raw.replaceAll(`\${VERSION}`, version);
    if (name === 'USER') single.User = text;
    else if (name === 'WORKDIR') single.WorkingDir = text;
    else if (name === 'STOPSIGNAL') single.StopSignal = text;
    else if (name === 'ENTRYPOINT') single.Entrypoint = JSON.parse(text);
    else if (name === 'CMD') single.Cmd = JSON.parse(text);
    else if (name === 'EXPOSE') config.ExposedPorts[`${text}/tcp`] = {};
    else if (name === 'ENV') config.Env.push(...pairs(text).map(([key, value]) => `${key}=${value}`));
    else if (name === 'LABEL') Object.assign(config.Labels, Object.fromEntries(pairs(text)));
    else if (!['FROM', 'COPY', 'ARG'].includes(name))
      throw new Error(
        `the stage ${stage} of the Dockerfile has ${name} ${text}: what goes into images is said in contents.ts`,
      );
  }
  return { ...config, ...single };
}

/** `a=b c="d e"` as pairs. */
function pairs(text: string): [string, string][] {
  return [...text.matchAll(/([^\s=]+)=(?:"([^"]*)"|(\S*))/g)].map(([, key = '', quoted, plain]) => [
    key,
    quoted ?? plain ?? '',
  ]);
}

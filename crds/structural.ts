/**
 * From zod's JSON Schema (draft 2020-12) to what a CustomResourceDefinition takes: a structural OpenAPI v3 schema. It has no $ref, const,
 * propertyNames or additionalProperties: false (the API server prunes unknown fields), and every node has one type.
 */

/** A JSON Schema node, of either dialect. */
export interface SchemaNode {
  readonly [key: string]: unknown;
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
}

interface Validation {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

const COPIED = [
  'description',
  'type',
  'default',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
] as const;

/**
 * The structural form of a JSON Schema node.
 *
 * @throws Error for a construct that has no structural form: the schema's author chooses another
 */
export function structural(node: SchemaNode, path = ''): SchemaNode {
  if (node['x-kubernetes-int-or-string'] === true) return intOrString(node);
  if (node['x-kubernetes-preserve-unknown-fields'] === true) return passThrough(node);
  if (Array.isArray(node.oneOf) || Array.isArray(node.anyOf)) return structural(mergeUnion(node, path), path);
  if (typeof node.type !== 'string') throw new Error(`${path}: a structural schema needs exactly one type`);
  const copied = Object.fromEntries(COPIED.filter((key) => node[key] !== undefined).map((key) => [key, node[key]]));
  return { ...copied, ...typeSpecific(node, path), ...(node.const === undefined ? {} : { enum: [node.const] }) };
}

function typeSpecific(node: SchemaNode, path: string): SchemaNode {
  switch (node.type) {
    case 'object':
      return objectFields(node, path);
    case 'array':
      return { items: structural(node.items as SchemaNode, `${path}[]`) };
    case 'integer':
      return { format: isInt32(node) ? 'int32' : 'int64', ...range(node) };
    case 'number':
      return range(node);
    case 'string':
      return node.format === 'date-time' ? { format: 'date-time', pattern: undefined } : {};
    default:
      return {};
  }
}

function objectFields(node: SchemaNode, path: string): SchemaNode {
  if (node.properties === undefined) {
    return { additionalProperties: structural(node.additionalProperties as SchemaNode, `${path}.*`) };
  }
  const properties = Object.entries(node.properties).map(([name, field]) => [
    name,
    structural(field, `${path}.${name}`),
  ]);
  return {
    properties: Object.fromEntries(properties),
    ...(node.required?.length ? { required: [...node.required] } : {}),
  };
}

/** OpenAPI 3.0 says exclusiveness as a boolean beside the bound; the bounds of safe integers go without saying. */
function range(node: SchemaNode): SchemaNode {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = node as Readonly<Record<string, number | undefined>>;
  return {
    ...(minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? { minimum } : {}),
    ...(maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? { maximum } : {}),
    ...(exclusiveMinimum === undefined ? {} : { minimum: exclusiveMinimum, exclusiveMinimum: true }),
    ...(exclusiveMaximum === undefined ? {} : { maximum: exclusiveMaximum, exclusiveMaximum: true }),
  };
}

function isInt32(node: SchemaNode): boolean {
  return Number(node.minimum) >= -(2 ** 31) && Number(node.maximum) < 2 ** 31;
}

function intOrString(node: SchemaNode): SchemaNode {
  const text = (node.anyOf as SchemaNode[]).find((option) => option.type === 'string');
  return {
    ...(node.description === undefined ? {} : { description: node.description }),
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    ...(text?.pattern === undefined ? {} : { pattern: text.pattern }),
    'x-kubernetes-int-or-string': true,
  };
}

function passThrough(node: SchemaNode): SchemaNode {
  return {
    ...(node.description === undefined ? {} : { description: node.description }),
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
  };
}

/**
 * A discriminated union as one object: the fields of all members, and rules that say which go with which. A default that only some
 * members have would show up in the others, so it stays with zod.
 */
function mergeUnion(node: SchemaNode, path: string): SchemaNode {
  const members = (node.oneOf ?? node.anyOf) as SchemaNode[];
  const discriminator = sharedConst(members, path);
  const names = [...new Set(members.flatMap((member) => Object.keys(member.properties ?? {})))];
  const validations: Validation[] = [];
  const properties: Record<string, SchemaNode> = {};
  for (const name of names) {
    const having = members.filter((member) => member.properties?.[name] !== undefined);
    const field = having[0]?.properties?.[name] as SchemaNode;
    if (name === discriminator) {
      properties[name] = {
        type: 'string',
        description: DISCRIMINATOR,
        enum: members.map((member) => tag(member, name)),
      };
      continue;
    }
    if (having.some((member) => JSON.stringify(member.properties?.[name]) !== JSON.stringify(field)))
      throw new Error(`${path}.${name}: members of a union that share a field must mean the same by it`);
    const { default: _memberDefault, ...withoutDefault } = field;
    properties[name] = withoutDefault;
    const tags = having.map((member) => tag(member, discriminator));
    const chosen =
      tags.length === 1
        ? `self.${discriminator} == '${tags[0]}'`
        : `self.${discriminator} in [${tags.map((one) => `'${one}'`).join(', ')}]`;
    const label = `${discriminator}: ${tags.join(' or ')}`;
    validations.push({
      rule: `!has(self.${name}) || ${chosen}`,
      message: `${name} needs ${label}`,
      fieldPath: `.${name}`,
    });
    if (having.every((member) => member.required?.includes(name)))
      validations.push({ rule: `has(self.${name}) || !(${chosen})`, message: `${label} needs ${name}` });
  }
  const { oneOf: _oneOf, anyOf: _anyOf, ...rest } = node;
  return { ...rest, type: 'object', properties, required: [discriminator], 'x-kubernetes-validations': validations };
}

const DISCRIMINATOR = 'Which kind it is; it decides which other fields there are.';

function sharedConst(members: readonly SchemaNode[], path: string): string {
  const [first] = members;
  const name = Object.keys(first?.properties ?? {}).find((key) =>
    members.every((member) => typeof member.properties?.[key]?.const === 'string'),
  );
  if (name === undefined) throw new Error(`${path}: only a union with a discriminator has a structural form`);
  return name;
}

function tag(member: SchemaNode, discriminator: string): string {
  return String(member.properties?.[discriminator]?.const);
}

import { stringify } from 'yaml';
import { z } from 'zod';
import { CftRunSpec, GROUP, KIND, VERSION } from './cftrun.ts';
import { immutableAfterStart } from './immutable.ts';
import { CftRunStatus } from './spec/status.ts';
import { type SchemaNode, structural } from './structural.ts';

export const PLURAL = 'cftruns';

const HEADER = `# Generated from crds/cftrun.ts by: node crds/generate.ts
# Do not edit by hand; "node crds/generate.ts --check" tells whether it is up to date.
`;

const COLUMNS = [
  { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
  { name: 'Stage', type: 'string', jsonPath: '.status.stage' },
  { name: 'Progress', type: 'string', jsonPath: '.status.progress' },
  { name: 'ETA', type: 'string', description: 'Time left of the stages that run now', jsonPath: '.status.eta' },
  {
    name: 'Critical',
    type: 'string',
    description: 'Part of the tokens that is critical',
    jsonPath: '.status.criticalRatio',
  },
  { name: 'Accuracy', type: 'string', description: 'Greedy accuracy after training', jsonPath: '.status.accuracy' },
  { name: 'Queue', type: 'string', jsonPath: '.spec.queueName', priority: 1 },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

/** The CustomResourceDefinition of CftRun, from its zod schema. */
export function cftRunCrd(): SchemaNode {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${PLURAL}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: 'cftrun',
        shortNames: ['cft'],
        categories: ['all'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: COLUMNS,
          schema: { openAPIV3Schema: rootSchema() },
        },
      ],
    },
  };
}

/** The CustomResourceDefinition as YAML, with a head that names the command that generates it. */
export function cftRunCrdYaml(): string {
  return HEADER + stringify(cftRunCrd(), { lineWidth: 0, aliasDuplicateObjects: false });
}

function rootSchema(): SchemaNode {
  return {
    description: 'A Critical Token Fine-tuning run: generate, annotate, train, evaluate, report.',
    type: 'object',
    required: ['spec'],
    'x-kubernetes-validations': immutableAfterStart,
    properties: {
      apiVersion: { type: 'string', description: 'Version of the schema of this object.' },
      kind: { type: 'string', description: 'Kind of this object.' },
      // The only restrictions that the API server takes on metadata are those on the name: children carry it in a label value.
      metadata: { type: 'object', properties: { name: { type: 'string', maxLength: 63 } } },
      spec: schemaOf(CftRunSpec, 'spec'),
      status: schemaOf(CftRunStatus, 'status'),
    },
  };
}

function schemaOf(schema: z.ZodType, path: string): SchemaNode {
  return structural(z.toJSONSchema(schema, { io: 'input', reused: 'inline' }) as SchemaNode, path);
}

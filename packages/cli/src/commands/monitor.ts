import type { Command } from '../command.ts';

/** `fieldseal monitor rules` */
export const monitorRules: Command = {
  name: 'monitor rules',
  summary: 'print alert rules for Prometheus',
  details: [
    'Prints the alert rules of @fieldseal/monitor as a rule file for Prometheus: `fieldseal monitor rules > fieldseal.yml`. Each alert names its\n' +
      'runbook.',
  ],
  positionals: [],
  options: {
    runbooks: { value: 'address', help: 'folder under which your runbooks are served; docs/runbooks by default' },
  },
  audit: 'none',
  run: async ({ options }) => {
    // Loaded when it is asked for: no other command needs it.
    const { prometheusRules, RUNBOOKS, RULES } = await import('@fieldseal/monitor');
    const rules = prometheusRules(RULES, options['runbooks']?.replace(/\/$/, '') ?? RUNBOOKS);
    return { lines: rules.trimEnd().split('\n'), json: { rules } };
  },
};

/** `fieldseal monitor dashboard` */
export const monitorDashboard: Command = {
  name: 'monitor dashboard',
  summary: 'print a dashboard for Grafana',
  details: [
    'Prints a dashboard over the metrics of @fieldseal/monitor as JSON, to be imported into Grafana: `fieldseal monitor dashboard > fieldseal.json`.',
  ],
  positionals: [],
  options: {},
  audit: 'none',
  run: async () => {
    const { grafanaDashboard } = await import('@fieldseal/monitor');
    const dashboard = grafanaDashboard();
    return { lines: JSON.stringify(dashboard, null, 2).split('\n'), json: dashboard };
  },
};

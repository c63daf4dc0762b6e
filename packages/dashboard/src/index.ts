/**
 * @fieldseal/dashboard: a web page over what @fieldseal/monitor knows.
 *
 * @module
 */
export { type DashboardOptions, dashboardApp } from './dashboard-app.ts';
export {
  type DashboardSource,
  localSource,
  type RemoteFetch,
  type RemoteOptions,
  remoteSource,
} from './dashboard-source.ts';
export { type DashboardServer, type ServeOptions, serveDashboard } from './serve.ts';

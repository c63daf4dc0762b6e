/**
 * What the tests of Fieldseal and of its adapters share: throwaway servers and a scanner that finds plaintext.
 *
 * @module
 */

export type { ContractRunner } from './contracts/contract-runner.ts';
export {
  type KeyStoreFixture,
  keyStoreContract,
  type TextStoreFixture,
  textStoreContract,
} from './contracts/key-store.ts';
export { type KeyWrapperFixture, keyWrapperContract } from './contracts/key-wrapper.ts';
export {
  type RemoteKeyWrapperFixture,
  remoteKeyWrapperContract,
  type ServiceFault,
} from './contracts/remote-key-wrapper.ts';
export { type RowSourceFixture, rowSourceContract } from './contracts/row-source.ts';
export { sampleKeyset } from './contracts/sample-keyset.ts';
export {
  type FaultReplies,
  type HttpReply,
  type HttpRequest,
  type HttpService,
  startHttpService,
} from './key-services/http-service.ts';
export {
  startVaultTransit,
  type VaultTransitService,
  type VaultTransitServiceOptions,
} from './key-services/vault-transit.ts';
export { newCanary } from './plaintext-scan/canary.ts';
export { type FileFinding, scanBytes, scanFiles } from './plaintext-scan/scan.ts';
export type { ScanFinding } from './plaintext-scan/scan-window.ts';
export type { Spelling } from './plaintext-scan/spelling.ts';
export { type MariadbService, startMariadb } from './services/mariadb.ts';
export { type PostgresService, startPostgres } from './services/postgres.ts';
export { type PostgresPair, startPostgresPair } from './services/postgres-pair.ts';
export { postgresPool } from './services/postgres-pool.ts';
export { type RedisOptions, type RedisService, startRedis } from './services/redis.ts';
export type { ServiceEnvironment, ServiceOptions, ServiceSource } from './services/service-source.ts';
export { type SwtpmOptions, type SwtpmService, startSwtpm } from './services/swtpm.ts';
export { type ProxyMode, type TcpProxy, tcpProxy } from './services/tcp-proxy.ts';
export { FieldsealTestError } from './testkit-error.ts';
export { runVectorFolder, type VectorFailure, type VectorFileResult } from './vectors/vector-folder.ts';

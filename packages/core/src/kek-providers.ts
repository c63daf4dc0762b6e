/**
 * @fieldseal/core/kek: KEKs outside the keyring, in key services and devices. No client is brought along: the user passes in the official one,
 * which has the structural type that stands beside each provider.
 *
 * @module
 */
export { type AwsKmsClient, type AwsKmsOptions, awsKmsKek } from './kek/aws-kms.ts';
export {
  type AzureCryptographyClient,
  type AzureKeyVaultOptions,
  type AzureWrapAlgorithm,
  azureKeyVaultKek,
} from './kek/azure-key-vault.ts';
export type { CallPolicy } from './kek/call-policy.ts';
export { type GcpKmsClient, type GcpKmsOptions, gcpKmsKek } from './kek/gcp-kms.ts';
export { type MultiKekOptions, multiKek } from './kek/multi.ts';
export { type Pkcs11Options, pkcs11Kek } from './kek/pkcs11.ts';
export type { Pkcs11Handle, Pkcs11Mechanism, Pkcs11Module } from './kek/pkcs11-token.ts';
export { type VaultTransitOptions, vaultTransitKek } from './kek/vault-transit.ts';
export { kekSlot } from './keyring/kek-slot.ts';
export { environmentKek, type RawKekOptions, rawKek } from './keyring/raw-kek.ts';

/** The tpm2-tools: unpacked rather than installed, because their package would bring udev along. */
import { debianTools } from './debian-packages.mjs';

const PACKAGES = [
  'tpm2-tools',
  'libtss2-esys-3.0.2-0',
  'libtss2-fapi1',
  'libtss2-mu0',
  'libtss2-rc0',
  'libtss2-sys1',
  'libtss2-tcti-cmd0',
  'libtss2-tcti-swtpm0',
  'libtss2-tctildr0',
  'libefivar1',
  'libjson-c5',
  'libcurl4',
];

/**
 * The variables that `tpm2` needs, and where it comes from.
 *
 * @param {string} root - the repository
 */
export function findTools(root) {
  return debianTools(root, { name: 'tpm2-tools', packages: PACKAGES, probe: ['tpm2', 'getrandom', '--version'] });
}

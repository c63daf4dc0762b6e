import { join, malformed, type Reader, sized, u8, u32 } from './bytes.ts';
import type { CommandName } from './constants.ts';
import { HANDLE, SESSION } from './constants.ts';

/** A command as its authorisation sees it. */
export interface AuthorizedCommand {
  readonly command: CommandName;
  /** Names of the handles, in their order. */
  readonly names: readonly Uint8Array[];
  readonly params: Buffer;
}

/** Proves to the TPM that a command is allowed, and checks that the reply is the TPM's. */
export interface Authorization {
  /** The authorisation area, and the parameters as they go out. */
  authorize(command: AuthorizedCommand): { readonly area: Buffer; readonly params: Buffer };
  /** Checks the area of the reply, and returns its parameters in clear. Throws ERR_TPM_IO. */
  accept(command: CommandName, params: Buffer, area: Reader): Buffer;
}

/** Authorisation by an empty password: for what everybody may do. A real secret goes by a session, never in clear. */
export const emptyPassword: Authorization = {
  authorize: ({ params }) => ({
    area: join(u32(HANDLE.PASSWORD), sized(Buffer.alloc(0)), u8(SESSION.CONTINUE), sized(Buffer.alloc(0))),
    params,
  }),
  accept: (_command, params, area) => {
    const sound = area.sized().length === 0 && area.u8() === SESSION.CONTINUE && area.sized().length === 0;
    if (!sound) throw malformed('its authorisation is not that of a password');
    return params;
  },
};

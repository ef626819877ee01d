// Who the token belongs to. There is one user, who may write to every namespace.
import { type Answer, jsonAnswer } from './answer.ts';
import type { Call } from './call.ts';

export const LOCAL_USER = 'local';

export async function whoAmI({ hub }: Call): Promise<Answer> {
  return jsonAnswer({
    type: 'user',
    id: hub.id,
    name: LOCAL_USER,
    fullname: 'Embedded Hub',
    email: null,
    emailVerified: false,
    isPro: false,
    canPay: false,
    periodEnd: null,
    orgs: [],
    auth: {
      type: 'access_token',
      accessToken: {
        displayName: 'embedded',
        role: 'write',
        createdAt: '2026-01-01T00:00:00.000Z',
      },
    },
  });
}

/** Asked by clients before they upload a card; the embedded Hub has no opinion on cards. */
export async function validateYaml(): Promise<Answer> {
  return jsonAnswer({ errors: [], warnings: [] });
}

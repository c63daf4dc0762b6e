import { ACKNOWLEDGEMENT_HEADER, type EndpointResponse, type Endpoints } from './endpoints.ts';

/** What is used of the request of node:http, Express and Connect. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: {
    readonly authorization?: string | undefined;
    readonly [ACKNOWLEDGEMENT_HEADER]?: string | string[] | undefined;
  };
}

/** What is used of the response of node:http, Express and Connect. */
export interface NodeResponse {
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body: string): unknown;
}

/**
 * A handler for node:http (`createServer(nodeHandler(endpoints))`), and as middleware for Express and Connect (`app.use(nodeHandler(endpoints))`).
 * Other paths go on to the next handler; where there is none, they are 404.
 */
export function nodeHandler(
  endpoints: Endpoints,
): (request: NodeRequest, response: NodeResponse, next?: () => void) => void {
  return ({ method = 'GET', url = '/', headers }, response, next) => {
    const acknowledgement = headers[ACKNOWLEDGEMENT_HEADER];
    const { authorization } = headers;
    const single = typeof acknowledgement === 'string' ? acknowledgement : undefined;
    const acting = endpoints.act({ method, url, authorization, acknowledgement: single });
    const send = ({ status, headers: sent, body }: EndpointResponse): void => {
      response.writeHead(status, { ...sent });
      response.end(body);
    };
    if (acting !== null) return void acting.then(send);
    const answer = endpoints.answer({ method, url, authorization });
    if (answer === null && next !== undefined) return next();
    send(answer ?? { status: 404, headers: {}, body: '' });
  };
}

/** What is used of the context of Hono. */
export interface HonoContext {
  readonly req: { readonly method: string; readonly url: string; header(name: string): string | undefined };
}

/** A middleware for Hono: `app.use(honoHandler(endpoints))`. Other paths go on to the next handler. */
export function honoHandler(
  endpoints: Endpoints,
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  return async ({ req }, next) => {
    const { method, url } = req;
    const authorization = req.header('authorization');
    const acknowledgement = req.header(ACKNOWLEDGEMENT_HEADER);
    const answer =
      (await endpoints.act({ method, url, authorization, acknowledgement })) ??
      endpoints.answer({ method, url, authorization });
    if (answer === null) {
      await next();
      return undefined;
    }
    return new Response(answer.body === '' ? null : answer.body, {
      status: answer.status,
      headers: { ...answer.headers },
    });
  };
}

/**
 * @fieldseal/cache: the tier of Fieldseal's key cache that processes share, in Redis or any keyv store.
 *
 * It holds wrapped keys only, sealed under a key of the keyring. Losing it, or letting somebody read or write it, costs time and nothing else.
 *
 * @module
 */
export { type KeyvLike, keyvCache } from './keyv-cache.ts';
export {
  REDIS_OPTIONS,
  type RedisCacheOptions,
  type RedisLike,
  type RedisSubscriber,
  redisCache,
} from './redis-cache.ts';

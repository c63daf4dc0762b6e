/**
 * @fieldseal/bullmq: BullMQ wakes the workers of jobs up.
 *
 * @module
 */
export { enqueueWork, type QueueLike, type Ticket, type TicketOptions } from './ticket.ts';
export { type TicketEnd, type TicketProcessorOptions, ticketProcessor } from './ticket-processor.ts';

-- Written by hand: Prisma's offline engine makes no MySQL. Tables are as Prisma's migrations make them, except for the collation of the
-- columns whose plaintext a plain client compares in the tests: MariaDB's usual ones take 'ada' for 'ADA' and 'a' for 'a ', and
-- a blind index without normalizers does not. Index columns keep the usual collation: terms are lower-case hexadecimal.

-- CreateTable
CREATE TABLE `User` (
    `id` VARCHAR(191) NOT NULL,
    `name` VARCHAR(191) COLLATE utf8mb4_nopad_bin NOT NULL,
    `email` TEXT COLLATE utf8mb4_nopad_bin NOT NULL,
    `emailIndex` VARCHAR(191) NULL,
    `ssn` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `ssnIndex` VARCHAR(191) NULL,
    `ssnDigits` VARCHAR(191) NULL,
    `note` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `photo` LONGBLOB NULL,
    `profile` JSON NULL,
    `settings` JSON NULL,
    `orgId` VARCHAR(191) NULL,
    `updatedAt` DATETIME(3) NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `Org` (
    `id` VARCHAR(191) NOT NULL,
    `name` VARCHAR(191) NOT NULL,
    `data` VARCHAR(191) NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `Post` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `title` VARCHAR(191) COLLATE utf8mb4_nopad_bin NOT NULL,
    `body` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `bodyIndex` VARCHAR(191) NULL,
    `authorId` VARCHAR(191) NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `Comment` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `text` TEXT COLLATE utf8mb4_nopad_bin NOT NULL,
    `postId` INTEGER NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `Tag` (
    `name` VARCHAR(191) NOT NULL,
    PRIMARY KEY (`name`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `Plain` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `value` VARCHAR(191) NOT NULL,
    `where` JSON NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `Shelf` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `where` VARCHAR(191) NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `Book` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `data` VARCHAR(191) NULL,
    `some` VARCHAR(191) NULL,
    `is` VARCHAR(191) NULL,
    `set` VARCHAR(191) NULL,
    `secret` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `secretExact` VARCHAR(191) NULL,
    `secretFold` VARCHAR(191) NULL,
    `shelfId` INTEGER NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `Page` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `text` TEXT COLLATE utf8mb4_nopad_bin NOT NULL,
    `bookId` INTEGER NOT NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `Typed` (
    `id` VARCHAR(191) NOT NULL,
    `int` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `intIndex` VARCHAR(191) NULL,
    `bigInt` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `float` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `decimal` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `decimalIndex` VARCHAR(191) NULL,
    `boolean` LONGBLOB NULL,
    `born` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `bornIndex` VARCHAR(191) NULL,
    `seen` LONGBLOB NULL,
    `json` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `bytes` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `text` LONGBLOB NULL,
    `role` TEXT COLLATE utf8mb4_nopad_bin NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `sealed_rows` (
    `id` VARCHAR(191) NOT NULL,
    `label` VARCHAR(191) NOT NULL,
    `the_secret` TEXT COLLATE utf8mb4_nopad_bin NOT NULL,
    `the_index` VARCHAR(191) NULL,
    `note` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `group` INTEGER NOT NULL,
    `parentId` VARCHAR(191) NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `Moving` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `email` TEXT COLLATE utf8mb4_nopad_bin NOT NULL,
    `emailIndex` VARCHAR(191) NULL,
    `emailHash` VARCHAR(191) NULL,
    `age` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `photo` LONGBLOB NULL,
    `note` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `old` TEXT COLLATE utf8mb4_nopad_bin NULL,
    `oldIndex` VARCHAR(191) NULL,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `_TagToUser` (
    `A` VARCHAR(191) NOT NULL,
    `B` VARCHAR(191) NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateIndex
CREATE UNIQUE INDEX `User_email_key` ON `User` (`email`(100));

-- CreateIndex
CREATE UNIQUE INDEX `User_emailIndex_key` ON `User` (`emailIndex`);

-- CreateIndex
CREATE UNIQUE INDEX `User_orgId_emailIndex_key` ON `User` (`orgId`, `emailIndex`);

-- CreateIndex
CREATE UNIQUE INDEX `Book_secretFold_key` ON `Book` (`secretFold`);

-- CreateIndex
CREATE UNIQUE INDEX `sealed_rows_the_index_key` ON `sealed_rows` (`the_index`);

-- CreateIndex
CREATE UNIQUE INDEX `sealed_rows_group_label_key` ON `sealed_rows` (`group`, `label`);

-- CreateIndex
CREATE UNIQUE INDEX `Moving_email_key` ON `Moving` (`email`(100));

-- CreateIndex
CREATE UNIQUE INDEX `Moving_emailIndex_key` ON `Moving` (`emailIndex`);

-- CreateIndex
CREATE UNIQUE INDEX `Moving_emailHash_key` ON `Moving` (`emailHash`);

-- CreateIndex
CREATE UNIQUE INDEX `_TagToUser_AB_unique` ON `_TagToUser` (`A`, `B`);

-- CreateIndex
CREATE INDEX `_TagToUser_B_index` ON `_TagToUser` (`B`);

-- AddForeignKey
ALTER TABLE `User` ADD CONSTRAINT `User_orgId_fkey` FOREIGN KEY (`orgId`) REFERENCES `Org`(`id`) ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE `Post` ADD CONSTRAINT `Post_authorId_fkey` FOREIGN KEY (`authorId`) REFERENCES `User`(`id`) ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE `Comment` ADD CONSTRAINT `Comment_postId_fkey` FOREIGN KEY (`postId`) REFERENCES `Post`(`id`) ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE `Book` ADD CONSTRAINT `Book_shelfId_fkey` FOREIGN KEY (`shelfId`) REFERENCES `Shelf`(`id`) ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE `Page` ADD CONSTRAINT `Page_bookId_fkey` FOREIGN KEY (`bookId`) REFERENCES `Book`(`id`) ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE `sealed_rows` ADD CONSTRAINT `sealed_rows_parentId_fkey` FOREIGN KEY (`parentId`) REFERENCES `sealed_rows`(`id`) ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE `_TagToUser` ADD CONSTRAINT `_TagToUser_A_fkey` FOREIGN KEY (`A`) REFERENCES `Tag`(`name`) ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE `_TagToUser` ADD CONSTRAINT `_TagToUser_B_fkey` FOREIGN KEY (`B`) REFERENCES `User`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;

-- CreateTable
CREATE TABLE `Searched` (
    `id` INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
    `name` TEXT NOT NULL,
    `code` TEXT,
    `codeStart` VARCHAR(191),
    `age` TEXT,
    `ageRange` VARCHAR(191),
    `city` TEXT,
    `cityPart` VARCHAR(191),
    `street` TEXT,
    `born` TEXT,
    `both` VARCHAR(191),
    `owner` VARCHAR(191)
);

-- CreateTable
CREATE TABLE `SearchedGram` (
    `id` INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
    `term` VARCHAR(191) NOT NULL,
    `searchedId` INTEGER NOT NULL,
    CONSTRAINT `SearchedGram_searchedId_fkey` FOREIGN KEY (`searchedId`) REFERENCES `Searched` (`id`) ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE UNIQUE INDEX `Searched_both_key` ON `Searched`(`both`);

-- CreateIndex
CREATE UNIQUE INDEX `Searched_owner_both_key` ON `Searched`(`owner`, `both`);

-- CreateIndex
CREATE INDEX `SearchedGram_term_idx` ON `SearchedGram`(`term`);
